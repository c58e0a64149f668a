"""
Processes as hashable values: what they do, and what it has given so far.

Generators cannot be copied, so where a process stands is told by the results that its
flow was sent, and by the answers that its running verb was sent; both are replayed on
the real generators to learn what comes next. Each is replayed once, then remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from stripe_events.errors import LostClaim, StaleSnapshot, StoreError
from stripe_events.storage import _ledger_verbs, _verbs
from stripe_events.storage._results import EVERYTHING, Claimed, Finished
from tests.model import flows
from tests.model.ledgers import SCOPE, thawed

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    from stripe_events.storage._operations import Operation
    from stripe_events.storage._results import Taken
    from tests.model.flows import Call, Job, Request
    from tests.model.settings import Setting


class Raised(NamedTuple):
    """A verb has ended with an error of this kind."""

    kind: type[Exception]


class Returned(NamedTuple):
    """A verb or a flow has ended."""

    value: Any


Next: TypeAlias = "Operation | Returned | Raised"
"""What a verb asks for, or how it has ended."""


class Process(NamedTuple):
    """A process at work: its job, and what was sent to its flow and its running verb."""

    job: Job
    results: tuple[Hashable, ...] = ()
    answers: tuple[Hashable, ...] = ()


class Machine:
    """Say what comes next in processes of a setting."""

    def __init__(self, setting: Setting) -> None:
        """Remember nothing yet."""
        self._setting = setting
        self._requests: dict[tuple[Job, tuple[Hashable, ...]], Request | Returned] = {}
        self._operations: dict[tuple[Call, tuple[Hashable, ...]], Next] = {}

    def request(self, process: Process) -> Request | Returned:
        """Give what the flow of a process asks for."""
        place = (process.job, process.results)
        if place not in self._requests:
            flow = flows.flow(self._setting, process.job)
            self._requests[place] = _replayed(flow, process.results)
        return self._requests[place]

    def operation(self, call: Call, answers: tuple[Hashable, ...]) -> Next:
        """Give what a verb asks for after these answers, or how it has ended."""
        place = (call, answers)
        if place not in self._operations:
            self._operations[place] = _replayed(_verb(call), answers)
        return self._operations[place]

    def result(self, process: Process, ended: Returned | Raised) -> Hashable:
        """Give what a flow keeps of how its verb has ended."""
        if isinstance(ended, Raised):
            return ended
        known = self._setting.version(process.job.version).code().handlers
        if isinstance(ended.value, Claimed):
            return flows.work_of(ended.value, known)
        if isinstance(ended.value, list):
            taken: list[Taken] = ended.value
            return tuple(flows.work_of(one.claimed, known) for one in taken)
        return ended.value if isinstance(ended.value, Finished) else type(ended.value).__name__


def _verb(call: Call) -> Generator[Operation, Any, Any]:
    if call.verb == "finish":
        return _verbs.finish(*call.arguments, in_transaction=call.in_transaction)
    if hasattr(_verbs, call.verb):
        return getattr(_verbs, call.verb)(*call.arguments)  # type: ignore[no-any-return]
    event, handler = call.arguments
    if call.verb == "drop":
        return _ledger_verbs.drop(SCOPE, event, handler)
    if call.verb == "erase":
        return _ledger_verbs.erase(SCOPE, EVERYTHING, 10)
    if call.verb == "forget":
        return _ledger_verbs.forget(SCOPE, EVERYTHING, 10, dead=True)
    restart = getattr(_ledger_verbs, call.verb)
    return restart(SCOPE, event, (handler,) if handler else ())  # type: ignore[no-any-return]


def _replayed(generator: Generator[Any, Any, Any], sent: tuple[Hashable, ...]) -> Any:
    try:
        asked = next(generator)
        for one in sent:
            if isinstance(one, Raised):
                asked = generator.throw(one.kind("in the model"))
            else:
                asked = generator.send(thawed(one))
    except StopIteration as end:
        return Returned(end.value)
    except (LostClaim, StaleSnapshot, StoreError) as error:
        return Raised(type(error))
    return asked
