"""Cases: ``get`` and ``list``."""

from __future__ import annotations

from stripe_events.storage._results import Query
from stripe_events.testing._checks import check, check_that
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import LATER, NOW, failed, payload_of


def meant(store: Driven, **members: object) -> list[str]:
    """Give the ids that a query means."""
    return [record.id for record in store.list(Query(**members))]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class LookCases(Contract):
    """What the ledger shows."""

    @case
    def test_an_event_is_shown_with_its_payload(self, store: Driven) -> None:
        """Give an event as it was claimed, and its payload byte for byte."""
        claimed = store.claim("evt_1", "a", "b", account="acct_1")
        stored = store.another().get()
        check(claimed.record, stored and stored.record, "the record is that of the claim")
        check(payload_of("evt_1"), stored and stored.payload, "the payload is as it came")
        check(None, store.get("evt_2"), "an absent event is None")
        check(None, store.get("evt_1", "another"), "another scope's is absent")

    @case
    def test_the_payload_is_that_of_the_first_delivery(self, store: Driven) -> None:
        """Replace no payload of an event that is known."""
        store.failed(payload=b'{"first": true}')
        store.claim(payload=b'{"second": true}')
        stored = store.get()
        check(b'{"first": true}', stored and stored.payload, "the first is kept")

    @case
    def test_a_parked_event_is_recorded_whole(self, store: Driven) -> None:
        """Record payload and plan of an event that waits for its key."""
        store.claim("evt_1", order_key="k")
        store.deliver("evt_2", "a", "b", order_key="k")
        stored = store.get("evt_2")
        check(payload_of("evt_2"), stored and stored.payload, "the payload is as it came")
        record = store.record("evt_2")
        check(("parked", 0, ()), (record.state, record.token, record.running), "nobody claimed it")
        check(2, len(record.handlers), "its plan is there")

    @case
    def test_a_late_error_of_a_settled_event_is_kept(self, store: Driven) -> None:
        """Keep what a handler raised after it had settled the event."""
        claimed = store.done()
        store.finish(claimed.claim, failed("a", "too late"))
        record = store.record()
        handler = handler_of(record, "a")
        check("done", record.state, "the event stays done")
        check("too late", handler.late_error and handler.late_error.message, "the error is kept")
        check(("succeeded", 1), (handler.outcome, handler.attempts), "it is no attempt")

    @case
    def test_each_delivery_is_seen(self, store: Driven) -> None:
        """Write when an event was delivered last, to the minute, be it done, dead or parked."""
        store.done("evt_done")
        store.dead("evt_dead")
        store.claim("evt_0", order_key="k")
        store.deliver("evt_parked", order_key="k")
        waiting = ("evt_done", "evt_dead", "evt_parked")
        before = {one: store.record(one) for one in waiting}
        store.advance(61.0)
        for one in waiting:
            store.deliver(one)
            record = store.record(one)
            ago = record.last_seen - record.first_seen
            check_that(ago > 0, f"{one} was seen after it was first seen", record)
            check(before[one].state, record.state, "its state stays")

    @case
    def test_pages_are_oldest_first(self, store: Driven) -> None:
        """Give pages by (first_seen, id) that leave nothing out and repeat nothing."""
        expected = [f"evt_{number}" for number in (3, 1, 4, 0, 2)]
        for event_id in expected:
            store.claim(event_id)
            store.tick()
        store.claim("evt_1", scope="another")
        check(expected, [one.id for one in store.list()], "the first received comes first")
        page, seen = store.list(limit=2), list[str]()
        while page:
            check_that(len(page) <= 2, "a page is as long as asked", page)
            seen += [one.id for one in page]
            page = store.list(limit=2, after=(page[-1].first_seen, page[-1].id))
        check(expected, seen, "the pages are the whole")

    @case
    def test_a_list_shows_what_get_shows(self, store: Driven) -> None:
        """Give whole records in lists."""
        store.failed("evt_1", "a", "b")
        check([store.record()], store.list(), "the record is the same")

    @case
    def test_queries_by_id_state_and_account(self, store: Driven) -> None:
        """List what has one of the ids, one of the states, or the account."""
        store.done("evt_1", account="acct_1")
        store.dead("evt_2", account="acct_2")
        store.claim("evt_3")
        check(["evt_1", "evt_3"], sorted(meant(store, ids=("evt_1", "evt_3", "evt_9"))), "by id")
        check(["evt_2"], meant(store, states=("dead",)), "by a state")
        check(["evt_1", "evt_3"], sorted(meant(store, states=("done", "claimed"))), "by states")
        check(["evt_2"], meant(store, account="acct_2"), "by account")
        check([], meant(store, account="acct_2", states=("done",)), "all must hold")

    @case
    def test_queries_by_type(self, store: Driven) -> None:
        """List by a type in which ``*`` alone is special, and letters have their case."""
        types = ("charge.succeeded", "charge.failed", "charge.dispute.created", "chargeX", "a_b%c")
        for type_ in types:
            store.claim(type_, type=type_)
        check(["charge.failed"], meant(store, type="charge.failed"), "a whole type")
        expected = ["charge.dispute.created", "charge.failed", "charge.succeeded"]
        check(expected, sorted(meant(store, type="charge.*")), "the star crosses dots")
        check(["charge.dispute.created"], meant(store, type="*.created"), "the star in front")
        check(["a_b%c"], meant(store, type="*_b%*"), "no other character is special")
        check([], meant(store, type="Charge.failed"), "capitals differ")
        check([], meant(store, type="charge"), "a part is not enough")
        check(5, len(meant(store, type="*")), "the star alone is everything")

    @case
    def test_queries_by_handler(self, store: Driven) -> None:
        """List what has a handler in its plan, whatever became of it."""
        store.done("evt_1", "a", "b")
        store.claim("evt_2", "ab")
        store.claim("evt_3", 'quo"te')
        check(["evt_1"], meant(store, handler="b"), "by name")
        check(["evt_1"], meant(store, handler="a"), "by the whole name")
        check(["evt_3"], meant(store, handler='quo"te'), "by a strange name")
        check([], meant(store, handler="c"), "nobody has it")

    @case
    def test_queries_by_when_it_was_seen(self, store: Driven) -> None:
        """List by when an event was last delivered, bounds included."""
        for number in range(3):
            store.claim(f"evt_{number}")
            store.tick()
        seen = store.record("evt_1").last_seen
        check(["evt_0", "evt_1"], meant(store, seen_before=seen), "until then")
        check(["evt_1", "evt_2"], meant(store, seen_after=seen), "from then on")
        check(["evt_1"], meant(store, seen_before=seen, seen_after=seen), "just then")

    @case
    def test_queries_for_what_is_overdue(self, store: Driven) -> None:
        """List what has been due, or abandoned, for longer than so many seconds."""
        store.claim("evt_crashed", lease=10.0)
        store.failed("evt_failed", release=NOW)
        store.failed("evt_later", release=LATER)
        store.done("evt_done")
        store.claim("evt_head", order_key="k", lease=10_000.0)
        store.deliver("evt_parked", order_key="k", rescue_after=0.0)
        check([], meant(store, overdue=50.0), "nothing is overdue yet")
        store.advance(100.0)
        expected = ["evt_crashed", "evt_failed"]
        check(expected, sorted(meant(store, overdue=50.0)), "due or abandoned 90 seconds ago")
        check([], meant(store, overdue=1_000.0), "nothing for a thousand seconds")
        check(
            ["evt_failed"],
            sorted(meant(store, overdue=95.0)),
            "an abandoned event is overdue since its lease ended",
        )

    @case
    def test_queries_for_what_was_erased(self, store: Driven) -> None:
        """Tell erased events from others."""
        store.done("evt_1")
        store.erase()
        store.done("evt_2")
        check(["evt_1"], meant(store, erased=True), "those without a payload")
        check(["evt_2"], meant(store, erased=False), "those with one")
