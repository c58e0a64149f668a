"""Statements as values: what is to be executed, in which order, is decided without a database."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

ResultT = TypeVar("ResultT")


class Statement(NamedTuple):
    """
    Give the rows as tuples; the number of rows met where a statement returns none.

    ``binary``: let values come as bytes, which is faster for large ones.
    """

    query: bytes
    parameters: Sequence[Any] = ()
    binary: bool = False


Script: TypeAlias = Generator[Statement, Any, ResultT]
"""Statements one after another, each given its answer; to be driven like a verb."""
