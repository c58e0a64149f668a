"""
A dict that converts its values when they are read. This module knows nothing of stripe.

All keys are there from the start, each with the raw value of the payload, so that
``in``, ``len`` and iteration are those of a plain dict. No method lets a raw value
out that is to be converted. C code that copies dicts past their methods (``dict(d)``,
``{**d}``, ``d | e``) does so only for dicts whose iteration is dict's own: that is
why ``__iter__`` is overridden.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values
    from collections.abc import Callable, Container, Iterator

__all__ = ["NOTHING_DONE", "LazyValues", "Shape"]

NOTHING_DONE: frozenset[str] = frozenset()
"""What ``LazyValues.done`` is at first."""

# Held by whoever changes a dict, never while a value is converted. Re-entrant: the
# garbage collector may run anybody's code here.
_storing = threading.RLock()
_ABSENT = object()
_SCALARS = frozenset({str, int, float, bool, type(None)})
# Reading is what happens most: this is twice as fast as super(), and typed by hand.
_dict: Any = dict
_read: Callable[[dict[str, Any], str], Any] = _dict.__getitem__


class Shape(Protocol):
    """How the values of one class of objects are converted."""

    @property
    def encoded(self) -> Container[str]:
        """The keys whose values are converted even if they are scalars."""
        ...

    def convert(self, key: str, value: Any, requestor: Any) -> Any:
        """Give the converted value as something new; ``value`` stays as it is."""
        ...


class LazyValues(dict[str, Any]):
    """
    Hold the values of one object; convert each at its first reading, once.

    Any number of threads may read and write: all readers of a key get the same
    converted value, and a conversion never undoes an assignment or deletion. Copies of every
    kind, pickles included, are plain dicts of converted values.
    """

    __slots__ = ("done", "requestor", "shape")

    # Set by the maker instead of by an __init__: that would double the price of
    # an object, and a list of lines has hundreds of them. For the same reason
    # all begin with one empty set in common.
    done: set[str] | frozenset[str]
    requestor: Any
    shape: Shape

    def __getitem__(self, key: str) -> Any:
        value = _read(self, key)
        if value.__class__ in _SCALARS and key not in self.shape.encoded:
            return value
        return self._converted(key)

    def _converted(self, key: str) -> Any:
        if key in self.done:
            return _read(self, key)
        raw = _read(self, key)
        value = self.shape.convert(key, raw, self.requestor)
        with _storing:
            if key not in self.done and super().get(key, _ABSENT) is raw:
                self._store(key, value)
        return _read(self, key)

    def _convert_all(self) -> None:
        for key in list(self):
            self.get(key)

    def __setitem__(self, key: str, value: Any) -> None:
        """Store a value as it is: what is assigned is never converted."""
        with _storing:
            self._store(key, value)

    def _store(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        # Marked after it was stored: no reader that finds the mark can then get
        # the raw value.
        if isinstance(self.done, frozenset):
            self.done = set()
        self.done.add(key)

    def get(self, key: str, default: Any = None, /) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def setdefault(self, key: str, default: Any = None, /) -> Any:
        with _storing:
            if key not in self:
                self[key] = default
        return self[key]

    def pop(self, key: str, /, *default: Any) -> Any:
        self.get(key)
        with _storing:
            return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self._convert_all()
        with _storing:
            return super().popitem()

    def __delitem__(self, key: str) -> None:
        with _storing:
            super().__delitem__(key)

    def clear(self) -> None:
        with _storing:
            super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict[str, Any](*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def items(self) -> dict_items[str, Any]:
        self._convert_all()
        return super().items()

    def values(self) -> dict_values[str, Any]:
        self._convert_all()
        return super().values()

    def copy(self) -> dict[str, Any]:
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Be a plain dict in every copy and pickle, with which no later version can break."""
        return dict, (self.copy(),)
