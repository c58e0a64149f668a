"""A store that lets something happen to its database at one of its verbs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERBS = ("accept", "begin", "commit", "complete_on", "is_settled", "finish", "suspend")
"""What two deliveries ask of a store, in order; ``begin`` and ``commit`` of a transaction."""


class Strike:
    """
    What happens once, before a verb, or before a transaction of the store begins or commits.

    Args:
        store: whose verb is struck.
        verb: one of ``VERBS``, or ``give_back``.
        blow: what happens.
        at: the number of the call.
    """

    def __init__(self, store: Any, verb: str, blow: Callable[[], object], at: int = 1) -> None:
        """Replace the method of the store."""
        self._verb = verb
        self._blow = blow
        self._left = at
        in_block = verb in ("begin", "commit")
        name = "transaction" if in_block else verb
        self._original = getattr(store, name)
        setattr(store, name, self._transaction if in_block else self._call)

    @property
    def has_struck(self) -> bool:
        """Whether the verb was used."""
        return self._left <= 0

    def _strike(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._blow()

    def _call(self, *arguments: Any) -> Any:
        self._strike()
        return self._original(*arguments)

    @contextmanager
    def _transaction(self, *arguments: Any) -> Iterator[Any]:
        if self._verb == "begin":
            self._strike()
        with self._original(*arguments) as connection:
            yield connection
            if self._verb == "commit":
                self._strike()
