"""Calls that are made at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from stripe_events.testing._contract.loops import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """
    Make calls in threads that start at the same moment; give what they gave, in order.

    The threads are named ``contract 1 of 8`` and so on.

    Raises:
        AssertionError: a call raised, or did not end.
    """
    given: list[Any] = [None] * len(calls)
    errors: list[Exception] = []
    start = threading.Barrier(len(calls))

    def run(index: int) -> None:
        start.wait(LIMIT)
        try:
            given[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the case tells of it
            errors.append(error)

    names = [f"contract {index + 1} of {len(calls)}" for index in range(len(calls))]
    threads = [
        threading.Thread(target=run, args=(index,), name=name, daemon=True)
        for index, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    if errors:
        raise AssertionError(f"nobody errs at the same moment: {errors!r}") from errors[0]
    if any(thread.is_alive() for thread in threads):
        raise AssertionError(f"all are answered within {LIMIT} seconds")
    return given
