"""
Frozen, slotted dataclasses, without loading ``dataclasses`` before somebody asks.

Importing it costs a fifth of the time that this library has until the first event
is handled (it needs ``inspect``, which needs ``ast`` and ``tokenize``). What it
would have made is made here; its own ``fields``, ``is_dataclass``, ``replace`` and
``asdict`` work on the result.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

ClassT = TypeVar("ClassT", bound=type[Any])


@dataclass_transform(eq_default=False, frozen_default=True)
def frozen(cls: ClassT) -> ClassT:
    """Make a dataclass of a class whose ``__slots__`` are its fields, annotated in their order."""
    made: Any = cls
    made.__init__ = _init
    made.__setattr__ = _refuse_to_set
    made.__delattr__ = _refuse_to_delete
    fields = tuple(name for name in made.__annotations__ if name in made.__slots__)
    setattr(made, "__match_args__", fields)  # noqa: B010 - mypy refuses to assign it
    made.__replace__ = _replaced
    made.__dataclass_fields__ = _Lazily("__dataclass_fields__")
    made.__dataclass_params__ = _Lazily("__dataclass_params__")
    return cls


def _init(self: Any, *values: Any, **named: Any) -> None:
    names = self.__match_args__
    given = dict(zip(names, values, strict=False)) | named
    if len(values) + len(named) != len(names) or given.keys() != set(names):
        msg = f"{type(self).__name__}() takes {', '.join(names)}"
        raise TypeError(msg)
    for name, value in given.items():
        object.__setattr__(self, name, value)


def _refuse_to_set(self: Any, name: str, _: Any) -> None:
    from dataclasses import FrozenInstanceError

    msg = f"cannot assign to {name!r} of {type(self).__name__}: it is frozen"
    raise FrozenInstanceError(msg)


def _refuse_to_delete(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    msg = f"cannot delete {name!r} of {type(self).__name__}: it is frozen"
    raise FrozenInstanceError(msg)


def _replaced(self: Any, /, **changes: Any) -> Any:
    """Do what ``copy.replace`` (Python 3.13) asks for."""
    from dataclasses import replace

    return replace(self, **changes)


class _Lazily:
    """An attribute that a real dataclass of the same fields has, made once for each class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, owner: type[Any]) -> Any:
        from dataclasses import make_dataclass

        fields = [(name, _annotation(owner, name)) for name in owner.__match_args__]
        real = make_dataclass(owner.__name__, fields, frozen=True, eq=False, repr=False)
        found = getattr(real, self._name)
        setattr(owner, self._name, found)
        return found


def _annotation(owner: type[Any], name: str) -> Any:
    from inspect import get_annotations

    return next(found[name] for c in owner.__mro__ if name in (found := get_annotations(c)))
