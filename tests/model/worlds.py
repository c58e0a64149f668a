"""
The world around a ledger: processes, what has happened outside, and every next step.

A process gives way between any two operations of a verb, before and after each effect.
Whatever goes wrong costs one of a bounded number of faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from stripe_events.errors import StoreError
from stripe_events.storage._operations import Write, WriteEach
from stripe_events.storage._queries import is_due
from stripe_events.storage._records import OVER
from stripe_events.storage._transitions import FORGET_FLOOR
from tests.model import invariants
from tests.model.flows import Call, Choice, Effect, Job, Work
from tests.model.ledgers import Database, Ledger
from tests.model.machine import Machine, Process, Raised, Returned
from tests.model.recovery import Recovery
from tests.model.rows import Rows
from tests.model.search import Searched, Violated, search
from tests.model.settings import LEASE
from tests.model.shown import shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim
    from tests.model.ledgers import Performed
    from tests.model.settings import Setting

PROCESSES = 2

Outcome: TypeAlias = "tuple[str, Performed, tuple[Hashable, ...], object]"
"""A step in words, what it gave and left, where that leaves its verb, and what follows."""

Step: TypeAlias = "tuple[str, World]"


class World(NamedTuple):
    """
    Everything that can matter to what happens next, and to whether it may.

    ``effects`` holds (event, handler) once for each time that it happened since it was
    last planned; ``newest`` the newest snapshot that each group has succeeded on.
    """

    ledger: Ledger
    deliveries: tuple[int, ...]
    takes: int
    faults: int
    processes: tuple[Process, ...] = ()
    effects: tuple[tuple[str, str], ...] = ()
    answered: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    newest: tuple[tuple[str, float], ...] = ()
    copy: tuple[Ledger, tuple[tuple[str, str], ...]] | None = None


class Explorer:
    """Search a setting; what its invariants refuse is ``Violated``."""

    def __init__(self, setting: Setting) -> None:
        """Begin with an empty ledger."""
        self.setting = setting
        self.rows = Rows()
        self.machine = Machine(setting)
        self.database = Database(keeps=setting.keeps, renumbers=not setting.restores)
        self.recovery = Recovery(setting, self.machine, self.database)
        self._done: dict[object, Outcome] = {}

    def search(self) -> Searched:
        """Reach every world."""
        setting = self.setting
        count = tuple(setting.deliveries for _ in setting.subjects)
        start = World(Ledger(), count, setting.takes, setting.faults)
        return search(start, self.steps, lambda world: shown(world.ledger, world.effects))

    def steps(self, world: World) -> Iterator[Step]:
        """Give all that can happen next, once the world itself is found in order."""
        invariants.check(self.setting, self.machine, world)
        self.recovery.check(world.ledger)
        if len(world.processes) < PROCESSES:
            yield from self._starts(world)
        for process in world.processes:
            yield from self._moves(world, process)
        if world.faults:
            yield from self._nature(world._replace(faults=world.faults - 1))

    def _starts(self, world: World) -> Iterator[Step]:
        number = _fresh_number(world)
        for place, subject in enumerate(self.setting.subjects):
            left = list(world.deliveries)
            left[place] -= 1
            if left[place] < 0 or subject.id in world.answered:
                continue
            delivered = world._replace(deliveries=tuple(left))
            for version in self.setting.versions:
                if version.delivers:
                    job = Job("delivery", version.name, number, subject.id)
                    yield from self._started(delivered, job)
        if world.takes and any(is_due(one, world.ledger.now) for one in world.ledger.events):
            taken = world._replace(takes=world.takes - 1)
            for version in self.setting.versions:
                if version.works:
                    yield from self._started(taken, Job("worker", version.name, number))
        if world.faults:
            yield from self._operators(world._replace(faults=world.faults - 1))

    def _operators(self, world: World) -> Iterator[Step]:
        version = self.setting.versions[0]
        for verb in self.setting.verbs:
            for record in world.ledger.events:
                if not _applies(verb, record, world.ledger.now):
                    continue
                for name in _meant(verb, record):
                    job = Job("operator", version.name, 0, record.id, verb, name)
                    yield from self._started(world, job)

    def _started(self, world: World, job: Job) -> Iterator[Step]:
        """Begin with the first operation: to have begun without one changes nothing."""
        process = Process(job)
        request = self.machine.request(process)
        assert isinstance(request, Call)
        yield from self._operated(world, process, request)

    def _settled(self, world: World, process: Process, label: str) -> Iterator[Step]:
        """Put a process that has moved among the others, every choice made that it asks for."""
        request = self.machine.request(process)
        if isinstance(request, Returned):
            self._promised(world, process, request.value, label)
            if request.value != 200:
                yield f"{label}, and is through", world
                return
            if world.faults:
                unheard = world._replace(faults=world.faults - 1)
                yield f"{label}, and answers 200, which is lost", unheard
            answered = world.answered | {process.job.event}
            yield f"{label}, and answers 200", world._replace(answered=answered)
        elif isinstance(request, Choice):
            for place, way in enumerate(request.ways):
                chosen = world._replace(faults=world.faults - bool(place))
                if chosen.faults >= 0:
                    went = process._replace(results=(*process.results, way))
                    words = "" if place == 0 else f"; its handler {way}"
                    yield from self._settled(chosen, went, label + words)
        else:
            # In an order of their own: which process is which makes no difference.
            processes = tuple(sorted((*world.processes, process), key=_job))
            yield label, world._replace(processes=processes)

    def _promised(self, world: World, process: Process, status: int, label: str) -> None:
        try:
            invariants.check_answer(self.setting, world, process.job, status)
        except Violated as violation:
            raise Violated(f"{label}: {violation}") from None

    def _moves(self, world: World, process: Process) -> Iterator[Step]:
        others = list(world.processes)
        others.remove(process)
        alone = world._replace(processes=tuple(others))
        request = self.machine.request(process)
        if isinstance(request, Effect):
            effects = _with_effect(world.effects, (request.event, request.handler), 1)
            went = process._replace(results=(*process.results, None))
            label = f"{_name(process.job)} does what {request.handler} is for"
            yield from self._settled(alone._replace(effects=effects), went, label)
        elif isinstance(request, Call):
            yield from self._operated(alone, process, request)
        claim = _claim(process)
        if world.faults and self.setting.crashes and (claim or _has_written(process)):
            yield f"{_name(process.job)} dies", alone._replace(faults=world.faults - 1)
        if claim is not None:
            yield from self._heartbeat(world, process, claim)

    def _operated(self, world: World, process: Process, call: Call) -> Iterator[Step]:
        if call.may_fail and world.faults:
            failed = world._replace(faults=world.faults - 1)
            label = f"{_name(process.job)}: {_call(call)} fails"
            yield from self._ended(failed, process, call, Raised(StoreError), label)
        label, performed, answers, following = self._performed(world, process, call)
        after = self._changed(world, performed, label)
        if isinstance(following, Returned | Raised):
            yield from self._ended(after, process, call, following, label)
        else:
            yield from self._settled(after, process._replace(answers=answers), label)
        if performed.changed and world.faults and self.setting.ambiguous:
            yield from self._unanswered(after, process, call, label)

    def _performed(self, world: World, process: Process, call: Call) -> Outcome:
        """Perform the next operation of a verb, once for all worlds that have this in common."""
        place = (world.ledger, world.forgotten, process.job, call, process.answers)
        if place not in self._done:
            self._done[place] = self._perform(world, process, call)
        return self._done[place]

    def _perform(self, world: World, process: Process, call: Call) -> Outcome:
        operation = self._asked(call, process.answers)
        label = f"{_name(process.job)}: {_call(call)}: {type(operation).__name__}"
        performed = self.database.perform(world.ledger, operation)
        answers = (*process.answers, performed.answer)
        following = self._asked(call, answers)
        try:
            invariants.check_change(self.setting, world, performed.ledger, process.job, call)
            self.rows.note(call, answers, operation, following)
        except Violated as violation:
            raise Violated(f"{label}: {violation}") from None
        if isinstance(operation, Write | WriteEach) and following == self._asked(call, ()):
            # It starts over; what was due has changed, so it need not know that it asked before.
            return label, performed, (), following
        return label, performed, self.database.staled(answers, performed.changed), following

    def _ended(
        self, world: World, process: Process, call: Call, ended: Returned | Raised, label: str
    ) -> Iterator[Step]:
        if isinstance(ended, Raised):
            label = f"{label}, and raises {ended.kind.__name__}"
        elif call.in_transaction:
            world = self._committed(world, call)
        result = self.machine.result(process, ended)
        went = process._replace(results=(*process.results, result), answers=())
        yield from self._settled(world, went, label)

    def _committed(self, world: World, call: Call) -> World:
        """Let the effect of a transaction be there, with the completion of its handler."""
        assert call.claim is not None
        event = call.claim.id
        return world._replace(effects=_with_effect(world.effects, (event, call.handler), 2))

    def _unanswered(self, world: World, process: Process, call: Call, label: str) -> Iterator[Step]:
        """Lose the answer of a commit: a verb is repeated, a transaction is not."""
        world = world._replace(faults=world.faults - 1)
        label = f"{label}, is made, but the answer is lost"
        if call.in_transaction:
            yield from self._ended(
                self._committed(world, call), process, call, Raised(StoreError), label
            )
        else:
            yield from self._settled(world, process._replace(answers=()), label)

    def _changed(self, world: World, performed: Performed, label: str) -> World:
        if not performed.changed:
            return world
        before = world.ledger
        processes = tuple(
            one._replace(answers=self.database.staled(one.answers, performed.changed))
            for one in world.processes
        )
        world = world._replace(ledger=performed.ledger, processes=processes)
        try:
            return invariants.followed(self.setting, before, world)
        except Violated as violation:
            raise Violated(f"{label}: {violation}") from None

    def _heartbeat(self, world: World, process: Process, claim: Claim) -> Iterator[Step]:
        record = world.ledger.event(claim.id)
        if record is None or record.state != "claimed" or record.lease_until > world.ledger.now:
            return
        call = Call("extend", ((claim,), LEASE), claim)
        label, performed, _, _ = self._performed(world, Process(process.job), call)
        if performed.changed:
            yield label, self._changed(world, performed, label)

    def _nature(self, world: World) -> Iterator[Step]:
        ledger = world.ledger
        if self.setting.lapses and any(_waits(one, ledger.now) for one in ledger.events):
            later = ledger._replace(now=ledger.now + 1)
            yield "time passes", world._replace(ledger=later)
        if self.setting.months and not world.processes and ledger.now < FORGET_FLOOR:
            later = ledger._replace(now=ledger.now + int(FORGET_FLOOR) + 1)
            yield "a month passes", world._replace(ledger=later)
        if not self.setting.restores:
            return
        if world.copy is None and ledger.events:
            yield "a copy is made", world._replace(copy=(ledger, world.effects))
        elif world.copy is not None:
            yield "the copy is restored", self._restored(world, *world.copy)

    def _restored(
        self, world: World, copied: Ledger, effects: tuple[tuple[str, str], ...]
    ) -> World:
        """
        Go back to a copy: what was committed since is lost, what was done outside is not.

        No verb lives through that, for its connection breaks; processes do, and go on.
        """
        inside = self.setting.transactional
        back = [effect for effect in effects if effect[1] in inside]
        outside = [effect for effect in world.effects if effect[1] not in inside]
        return world._replace(
            ledger=copied._replace(now=world.ledger.now),
            processes=tuple(one._replace(answers=()) for one in world.processes),
            effects=tuple(sorted((*back, *outside))),
            answered=frozenset(),
        )

    def _asked(self, call: Call, answers: tuple[Hashable, ...]) -> Any:
        try:
            return self.machine.operation(call, answers)
        except Exception as error:
            raise Violated(f"{_call(call)} raises {error!r}") from error


def _fresh_number(world: World) -> int:
    """Give the number of a claim that nobody remembers."""
    known = {process.job.number for process in world.processes}
    copied = world.copy[0].events if world.copy else ()
    known.update(int(one.claim_id or 0) for one in (*world.ledger.events, *copied))
    return next(number for number in range(1, 99) if number not in known)


def _job(process: Process) -> Job:
    return process.job


def _claim(process: Process) -> Claim | None:
    """Give the claim that a process believes to hold."""
    for result in process.results:
        work = result[0] if type(result) is tuple and result else result
        if isinstance(work, Work):
            return work.claim
    return None


def _applies(verb: str, record: EventRecord, now: int) -> bool:
    """Tell whether an operator may do this by what is shown; it may have changed since."""
    return {
        "retry": record.state in ("failed", "dead"),
        "replay": record.state in OVER,
        "drop": record.state != "claimed",
        "erase": record.state in OVER and not record.erased,
        "forget": record.state in OVER and now > FORGET_FLOOR,
    }[verb]


def _meant(verb: str, record: EventRecord) -> Iterator[str]:
    """Give the handlers that an operator may name; the empty name means all."""
    if verb != "drop":
        yield ""
    for one in record.handlers:
        if verb == "drop" or (verb == "retry" and one.outcome == "dead"):
            yield one.name


def _has_written(process: Process) -> bool:
    return any(answer is True or answer == (True,) for answer in process.answers)


def _waits(record: EventRecord, now: int) -> bool:
    """Tell whether it makes a difference to this event that time passes."""
    if record.state == "claimed":
        return record.lease_until > now
    return record.due is not None and record.due > now


def _with_effect(
    effects: tuple[tuple[str, str], ...], effect: tuple[str, str], most: int
) -> tuple[tuple[str, str], ...]:
    if effects.count(effect) >= most:
        return effects
    return tuple(sorted((*effects, effect)))


def _name(job: Job) -> str:
    if job.kind == "operator":
        return " ".join(filter(None, ("operator", job.verb, job.event, job.handler)))
    return " ".join(filter(None, (f"{job.version} {job.kind} {job.number}", job.event)))


def _call(call: Call) -> str:
    if call.verb != "finish":
        return call.verb
    where = " in its transaction" if call.in_transaction else ""
    return f"finish {call.handler} {call.arguments[1].outcome}{where}"
