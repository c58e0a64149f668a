"""What a worker tells of itself."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["new", "working", "idle", "store failing", "stopping", "stopped"]


class WorkerStatus(NamedTuple):
    """
    How a worker is doing.

    ``running``: events that it works on now. ``overtime``: those of them whose handlers
    run beyond their time limit, which do not count against its concurrency. After the end
    both are those whose threads run on: they are due again when their leases are over.
    ``handled``, ``failed`` and ``dead`` count what became of attempts since its start; an
    event that was given back, for a shutdown or for handlers that this code does not have,
    is in ``returned``. ``looked``: the seconds since it last asked the store for due events
    with success, None if never. ``error``: why it cannot begin more now, or None.
    """

    state: State
    running: int = 0
    overtime: int = 0
    handled: int = 0
    failed: int = 0
    dead: int = 0
    returned: int = 0
    looked: float | None = None
    error: str | None = None

    @property
    def is_healthy(self) -> bool:
        """
        Whether it reaches the store and can begin more work.

        A store that hangs, or an event loop that is blocked, is noticed 30 seconds and two
        looks (``poll``) after its last turn; a worker that is stopping counts as healthy.
        """
        return self.state not in ("store failing", "stopped") and self.error is None
