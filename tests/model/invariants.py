"""What must hold in every world, and of every change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import LostClaim
from stripe_events.storage import _transitions
from stripe_events.storage._plans import names_of
from stripe_events.storage._records import OVER, SETTLED
from tests.model import sharing
from tests.model.flows import Effect, Work
from tests.model.search import Violated, require
from tests.model.settings import MAX_ABANDONED

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from stripe_events.storage._records import EventRecord, HandlerRecord
    from stripe_events.storage._results import Claim
    from tests.model.flows import Call, Job
    from tests.model.ledgers import Ledger
    from tests.model.machine import Machine
    from tests.model.settings import Setting
    from tests.model.worlds import World

HELD = ("pending", "claimed", "failed")


def check(setting: Setting, machine: Machine, world: World) -> None:
    """Check a world."""
    for record in world.ledger.events:
        _check_record(record)
        _check_names(setting, record)
        _check_effects(setting, world, record)
        if record.id in world.answered:
            _check_answered(record)
    _check_claims(machine, world)
    sharing.check(world.ledger)


def _check_record(record: EventRecord) -> None:
    outcomes = {one.outcome for one in record.handlers}
    if record.state == "done":
        require(outcomes <= SETTLED - {"dead"}, "done, but not all is settled and none dead")
    elif record.state == "dead":
        require(outcomes <= SETTLED and "dead" in outcomes, "dead, but none is, or work is left")
    elif record.state == "claimed":
        require(record.claim_id, "claimed by nobody")
    else:
        require(record.due is not None, f"{record.state}, but never due")
    for one in record.handlers:
        require(one.attempts <= record.token, f"{one.name} counts more attempts than claims")
    if record.erased:
        require(
            not any(
                error and error.message
                for one in record.handlers
                for error in (one.error, one.late_error)
            ),
            "erased, but what a handler raised is there",
        )


def _check_names(setting: Setting, record: EventRecord) -> None:
    names = [one.name for one in record.handlers]
    require(len(names) == len(set(names)), "two handlers of one name")
    for version in setting.versions:
        for old, new in version.formerly:
            both = old in names and new in names
            require(not both, f"{old} is planned beside {new}, which it became")


def _check_effects(setting: Setting, world: World, record: EventRecord) -> None:
    for one in record.handlers:
        names = (one.name, *one.formerly)
        count = sum(world.effects.count((record.id, name)) for name in names)
        succeeded = one.outcome == "succeeded"
        if one.name in setting.transactional:
            require(
                count == succeeded,
                f"{one.name} is {one.outcome}, and its transaction was committed {count} times",
            )
        else:
            require(count or not succeeded, f"{one.name} succeeded without its effect")


def _check_answered(record: EventRecord) -> None:
    promised = record.lane == "inbox" and (record.due is not None or record.state == "claimed")
    require(record.state in OVER or promised, "200 was answered, but it is neither settled nor due")


def check_answer(setting: Setting, world: World, job: Job, status: int) -> None:
    """Check the moment of an answer: 200 if all that the delivery was to run is settled."""
    record = world.ledger.event(job.event)
    mixed = setting.version(job.version).mixed
    if record is None or record.state in OVER or not mixed:
        return
    settled = {name for one in record.handlers if one.is_settled for name in names_of(one)}
    left = [name for name in mixed if name not in settled]
    if status == 200:
        require(not left, f"200 is answered before the inline handler {left} is settled")
    elif status == 409:
        require(left, "409 is answered, and nothing is left that is not the inbox's")


def _check_claims(machine: Machine, world: World) -> None:
    valid: dict[str, int] = {}
    for process in world.processes:
        for work in works(process.results):
            record = world.ledger.event(work.claim.id)
            if record is None:
                continue
            runs = isinstance(machine.request(process), Effect)
            ours = (record.token, record.claim_id) == (work.claim.token, work.claim.claim_id)
            require(
                not (runs and ours and record.state in ("pending", "failed")),
                f"{record.id} was let go while a handler runs",
            )
            valid[work.claim.id] = valid.get(work.claim.id, 0) + is_valid(record, work.claim)
    for event, count in valid.items():
        require(count <= 1, f"{count} claims on {event} are valid")


def works(results: tuple[Hashable, ...]) -> Iterator[Work]:
    """Give what a process has claimed."""
    for result in results:
        if isinstance(result, Work):
            yield result
        elif type(result) is tuple:
            yield from works(result)


def is_valid(record: EventRecord, claim: Claim) -> bool:
    """Tell whether the core takes a claim for valid."""
    try:
        _transitions.fenced(record, claim)
    except LostClaim:
        return False
    return True


def check_change(setting: Setting, world: World, after: Ledger, job: Job, call: Call) -> None:
    """Check what an operation of a verb has changed; of the world only what is stored counts."""
    before = world.ledger
    if after is before:
        return
    for new in after.events:
        old = before.event(new.id)
        if old is None:
            require(new.id not in world.forgotten, "what was forgotten comes again")
        elif new is not old:
            _check_fence(before.now, old, new, call)
            for one in old.handlers:
                _check_handler(setting, one, _continued(new, one), job, call)
    for old in before.events:
        if after.event(old.id) is None:
            require(call.verb == "forget" and old.state in OVER, f"{old.id} is gone")


def _check_fence(now: int, old: EventRecord, new: EventRecord, call: Call) -> None:
    require(new.token >= old.token, "the token falls")
    require((old.lane, new.lane) != ("inbox", "inline"), f"{new.id} is the inbox's no more")
    claim, other = (old.token, old.claim_id), (new.token, new.claim_id)
    require(claim == other or new.token > old.token, "another claim has the same token")
    if new.state == "claimed" and claim != other and old.state == "claimed":
        require(old.lease_until <= now, "claimed while the lease of another claim runs")
    if call.claim is not None:
        held = old.state == "claimed" and claim == (call.claim.token, call.claim.claim_id)
        if call.claim.id == old.id and not held:
            require(new == _but_late_errors(old, new), "a stale owner writes")
    if call.verb == "enqueue" and new.state not in OVER:
        soon = new.due is not None and (new.due <= now or (old.lane, old.due) == ("inbox", new.due))
        require(new.lane == "inbox" and soon, f"{new.id} is enqueued, but not due")


def _but_late_errors(old: EventRecord, new: EventRecord) -> EventRecord:
    late = {one.name: one.late_error for one in new.handlers}
    handlers = tuple(one._replace(late_error=late.get(one.name)) for one in old.handlers)
    return old._replace(handlers=handlers, revision=new.revision)


def _continued(new: EventRecord, one: HandlerRecord) -> HandlerRecord:
    for other in new.handlers:
        if other.name == one.name or one.name in other.formerly:
            return other
    raise Violated(f"{one.name} is planned no more")


def _check_handler(
    setting: Setting, old: HandlerRecord, new: HandlerRecord, job: Job, call: Call
) -> None:
    if old.outcome == new.outcome:
        return
    words = f"{call.verb} makes {old.name} {new.outcome}, which was {old.outcome}"
    if old.outcome in SETTLED:
        allowed = {
            "retry": old.outcome == "dead" and new.outcome == "planned",
            "replay": old.outcome != "dropped" and new.outcome == "planned",
            "drop": old.outcome == "dead" and new.outcome == "dropped",
        }
        require(allowed.get(call.verb), words)
    elif call.verb == "finish":
        require(call.handler in (new.name, *new.formerly), words)
    elif new.outcome == "dropped":
        retired = setting.version(job.version).retired
        require(call.verb == "drop" or new.name in retired, words)
    elif new.outcome == "dead":
        require(new.abandoned >= MAX_ABANDONED, words)
    else:
        require(call.verb in ("retry", "replay"), words)


def followed(setting: Setting, before: Ledger, world: World) -> World:
    """Give a world that remembers what the ledger need not: see ``World``."""
    effects, forgotten = world.effects, world.forgotten
    for old in before.events:
        new = world.ledger.event(old.id)
        if new is None:
            forgotten |= {old.id}
            continue
        for one, other in zip(old.handlers, new.handlers, strict=False):
            if one.outcome == "succeeded" and other.outcome == "planned":
                effects = tuple(effect for effect in effects if effect != (old.id, one.name))
    world = world._replace(effects=effects, forgotten=forgotten)
    return sharing.followed(setting, before, world) if setting.shares else world
