"""Cases: a scope sees nothing of another one; and texts and numbers are kept as they are."""

from __future__ import annotations

from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._results import Claimed, Held, Settled
from stripe_events.testing._checks import check, check_raises, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, failed, succeeded

STRANGE = (
    "quoted ' \" ` ; -- text",
    "percent % and %s and _ and \\",
    "sn\xf6wm\xe4n \u2603 \u05d0\u05d1 \U0001f436",
    "line\nbreak\ttab\r\x01",
    "  spaces around  ",
    "{'json': [1, \"2\"]}",
    "x" * 500,
)


class ScopeCases(Contract):
    """Services on one database apart, and values that come back as they were."""

    @case
    def test_scopes_are_apart(self, store: Driven) -> None:
        """Give each scope a record of its own of the same event."""
        mine = store.claim(scope="mine")
        yours = store.claim("evt_1", "a", "b", scope="yours")
        check((1, 1), (mine.claim.token, yours.claim.token), "both are new")
        store.succeed(mine)
        check(Settled("done"), store.deliver(scope="mine"), "mine is done")
        check_type(Held, store.deliver(scope="yours"), "yours is not")
        wrong = yours.claim._replace(scope="mine")
        check([wrong], store.extend([wrong]), "a claim is of its scope")
        finish = lambda: store.finish(wrong, succeeded("b"))  # noqa: E731
        check_raises(LostClaim, "a claim is of its scope", finish)
        check("done", store.succeed(yours, "a", "b").state, "yours goes its way")

    @case
    def test_capitals_and_spaces_tell_events_apart(self, store: Driven) -> None:
        """Compare ids, scopes and keys as they are, letter by letter."""
        for event_id in ("evt_a", "evt_A", "evt_a ", " evt_a", "evt_\xe4", "evt_a\u0308"):
            for scope in ("s", "S"):
                token = store.claim(event_id, scope=scope, order_key=event_id).claim.token
                check(1, token, f"{event_id!r} of {scope!r} is an event of its own")

    @case
    def test_strange_texts_are_kept(self, store: Driven) -> None:
        """Give all texts back as they came, whatever characters they hold."""
        for text in STRANGE:
            claimed = store.claim(
                f"evt_{text}",
                text,
                "b",
                scope=text,
                type=text,
                account=text,
                order_key=text,
                claim_id=text,
            )
            store.finish(claimed.claim, failed(text, text))
            store.suspend(claimed.claim)
            record = store.another().claim(f"evt_{text}", text, "b", scope=text).record
            kept = (record.scope, record.type, record.account, record.order_key, record.running[0])
            check((text,) * 5, kept, "the texts of the record are as they came")
            error = handler_of(record, text).error
            check(text, error and error.message, "and those of an error")

    @case
    def test_texts_that_a_database_may_not_know_are_kept_or_refused(self, store: Driven) -> None:
        """Refuse an id that holds a NUL, if it cannot be kept; never cut it off."""
        try:
            first = store.deliver("evt_1\x00a")
        except StoreError:
            return
        second = store.deliver("evt_1\x00b")
        for told, event_id in ((first, "evt_1\x00a"), (second, "evt_1\x00b")):
            record = check_type(Claimed, told, f"{event_id!r} is an event of its own").record
            check(event_id, record.id, "the id is kept whole")

    @case
    def test_any_error_can_be_recorded(self, store: Driven) -> None:
        """Record a failure whatever its message holds: a NUL, or half of a character."""
        claimed = store.claim("evt_1", "a", "b")
        told = store.finish(claimed.claim, failed("a", "nul\x00inside"))
        check("claimed", told.state, "it is recorded")
        told = store.finish(claimed.claim, failed("b", "half \ud800"))
        check("claimed", told.state, "it is recorded")
        store.suspend(claimed.claim)
        record = store.claim("evt_1", "a", "b").record
        error = handler_of(record, "a").error
        check("nul\x00inside", error and error.message, "the NUL is kept")
        check("failed", handler_of(record, "b").outcome, "and what else there is can be read")

    @case
    def test_times_are_kept(self, store: Driven) -> None:
        """Keep fractions of a second, and times far away, to the microsecond."""
        for number, created in enumerate((0.0, 1.5, CREATED + 0.123456, 32_503_680_000.0)):
            kept = store.claim(f"evt_{number}", created=created).record.created
            check(round(created, 6), round(kept, 6), "Stripe's time is kept")
