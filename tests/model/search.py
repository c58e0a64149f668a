"""
Breadth-first search over all worlds that can come about; knows nothing of ledgers.

A world is any hashable value. What is found first is found on a shortest way, so the
trace of a violation is as short as can be.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

W = TypeVar("W")


class Violated(AssertionError):  # noqa: N818 - it is no error of the search
    """Say that something that must never be, is."""


def require(holds: object, otherwise: str) -> None:
    """Raise ``Violated`` unless it holds."""
    if not holds:
        raise Violated(otherwise)


class Searched(NamedTuple):
    """How far a search went: all that can be reached, so many steps between them."""

    worlds: int
    steps: int


def search(
    start: W,
    steps: Callable[[W], Iterable[tuple[str, W]]],
    shown: Callable[[W], str],
    *,
    limit: int = 5_000_000,
) -> Searched:
    """
    Reach every world from ``start``.

    Args:
        start: where it begins.
        steps: gives every step out of a world, as what happens in words and the world
            after it; raises ``Violated`` where one is wrong.
        shown: gives what is worth reading of a world, for traces.
        limit: how many worlds are too many.

    Raises:
        Violated: with every step of a shortest way there.
    """
    came: dict[W, tuple[W, str] | None] = {start: None}
    waiting = deque([start])
    taken = 0
    while waiting:
        world = waiting.popleft()
        try:
            for label, after in steps(world):
                taken += 1
                if after not in came:
                    came[after] = (world, label)
                    waiting.append(after)
        except Violated as violation:
            trace = "\n".join(_trace(came, world, shown))
            msg = f"{violation}\n\nThe way there:\n{trace}\n  and then: {violation}"
            raise Violated(msg) from None
        assert len(came) < limit, f"more than {limit} worlds: bound the search"
    return Searched(len(came), taken)


def _trace(
    came: dict[W, tuple[W, str] | None], world: W, shown: Callable[[W], str]
) -> Iterator[str]:
    way: list[tuple[str, W]] = []
    before = came[world]
    while before is not None:
        way.append((before[1], world))
        world = before[0]
        before = came[world]
    last = ""
    for number, (label, reached) in enumerate(reversed(way), 1):
        yield f"{number:3}. {label}"
        now = shown(reached)
        if now != last:
            yield f"       {now}"
        last = now
