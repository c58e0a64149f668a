"""Values as DynamoDB's attributes, and back; texts that are long are kept compressed."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Attribute: TypeAlias = dict[str, Any]
"""One member, named by the type: S (str), N (a number as text), B (bytes) or BOOL."""

Item: TypeAlias = dict[str, Attribute]

_LONG: Final = 512
"""Characters. Writes are paid by the kilobyte, and tracebacks compress to a tenth."""


def attribute(value: str | float | bytes) -> Attribute:
    """Give the attribute of a value; numbers are kept to the last digit."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    return {"N": repr(value)}


def attributes(values: Mapping[str, str | float | bytes | None]) -> Item:
    """Give the attributes of values; None is absence."""
    return {name: attribute(value) for name, value in values.items() if value is not None}


def text(item: Item, name: str) -> str | None:
    """Give the text of an attribute, or None."""
    found = item.get(name)
    return None if found is None else str(found["S"])


def number(item: Item, name: str) -> float | None:
    """Give the number of an attribute, or None."""
    found = item.get(name)
    return None if found is None else float(found["N"])


def packed(value: str | None) -> str | bytes | None:
    """Compress what is long; ASCII only."""
    if value is None or len(value) <= _LONG:
        return value
    return zlib.compress(value.encode("ascii"))


def unpacked(item: Item, name: str) -> str | None:
    """Give what was packed, or None."""
    found = item.get(name)
    if found is None or "S" in found:
        return text(item, name)
    return zlib.decompress(found["B"]).decode("ascii")


def sortable(moment: float) -> str:
    """Give a text that sorts as the number does, which is not negative; exact."""
    return struct.pack(">d", moment).hex()
