"""
Classes for what a resource was before: the SDK's class, holding only old values.

One subclass for each class of the SDK, made when first needed and kept, since
the SDK compares objects by the identity of their classes.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["previous_class"]

_making = threading.Lock()
_classes: dict[type[Any], type[Any]] = {}


class _OnlyOldValues:
    """What is added to a class of the SDK."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Give an old value; say where to ask if there is none."""
        parent: Any = super()
        try:
            return parent.__getattr__(name)
        except AttributeError as error:
            if name.startswith("_"):
                raise
            message = (
                f"{name!r} did not change in this event; ask event.changed({name!r}) first, "
                "or read it off event.data.object"
            )
            raise AttributeError(message, name=name, obj=self) from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the SDK does, by the name of its class instead of the made one's."""
        parent: Any = super()
        _, arguments, state = parent.__reduce__()
        return _restored, (type(self).__bases__[1], arguments), state

    def __copy__(self) -> Any:
        """Copy as the same class, where the SDK's own objects become bare ones."""
        make, arguments, state = self.__reduce__()
        copied = make(*arguments)
        copied.__setstate__(state)
        return copied


def previous_class(klass: type[Any]) -> type[Any]:
    """Give the one subclass of ``klass`` that holds only old values."""
    with _making:
        if klass not in _classes:
            _classes[klass] = type(klass.__name__, (_OnlyOldValues, klass), {"__slots__": ()})
        return _classes[klass]


def _restored(klass: type[Any], arguments: tuple[Any, ...]) -> Any:
    return previous_class(klass)(*arguments)
