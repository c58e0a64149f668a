"""Cases: how each outcome is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage import MemoryStore
from stripe_events.testing._adapters.speaking import Hooks, event
from stripe_events.testing._checks import check, check_that

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context


class AnswerCases(Hooks):
    """Statuses, headers and bodies."""

    def test_the_answer_is_small_json(self) -> None:
        """It says the outcome and the event's id, and declares itself as JSON."""
        with self.serving() as served:
            served.router.on_any(name="any")(lambda _: None)
            answer = served.deliver(event())
        kind = answer.headers.get("content-type", "")
        check({"outcome": "handled", "event": "evt_1"}, answer.json(), "outcome and id are said")
        check("application/json", kind.partition(";")[0], "the answer is declared as JSON")

    def test_an_event_that_nobody_wants_is_answered_200(self) -> None:
        """Else Stripe would come again for three days."""
        with self.serving() as served:
            answer = served.deliver(event())
        check((200, "ignored"), (answer.status, answer.json()["outcome"]), "it is ignored")

    def test_a_failure_is_answered_500_without_its_text(self) -> None:
        """Stripe comes again, and learns nothing of what happened here."""
        with self.serving() as served:

            @served.router.on_any(name="failing")
            def failing(_: object) -> None:
                raise ValueError("internal words")

            answer = served.deliver(event())
        check((500, "failed"), (answer.status, answer.json()["outcome"]), "it has failed")
        check_that(b"internal" not in answer.body, "its text stays inside", answer.body)

    def test_an_async_handler_is_waited_for(self) -> None:
        """Either kind of handler has run when the answer comes."""
        handled: list[str] = []
        with self.serving() as served:

            @served.router.on_any(name="async")
            async def handler(_: object) -> None:
                handled.append("async")

            answer = served.deliver(event())
        check((200, ["async"]), (answer.status, handled), "an async handler is waited for")

    def test_a_handlers_own_answer_is_sent_as_it_is(self) -> None:
        """For the types whose answer Stripe reads: body and headers."""
        with self.serving() as served:

            @served.router.on_any(name="answering")
            def answering(_: object, ctx: Context) -> None:
                ctx.respond({"approved": True, "note": "é"}, {"Stripe-Version": "2025-04-30.basil"})

            answer = served.deliver(event())
        check(
            (200, b'{"approved": true, "note": "\\u00e9"}', "2025-04-30.basil"),
            (answer.status, answer.body, answer.headers.get("stripe-version")),
            "the handler's answer is sent, byte for byte, with its headers",
        )

    def test_the_same_event_again_is_a_duplicate(self) -> None:
        """With a store, each handler succeeds once."""
        handled: list[str] = []
        with self.serving(store=MemoryStore()) as served:
            served.router.on_any(name="any")(lambda event: handled.append(event.id))
            answers = [served.deliver(event()) for _ in range(2)]
        outcomes = [(answer.status, answer.json()["outcome"]) for answer in answers]
        check([(200, "handled"), (200, "duplicate")], outcomes, "the second is a duplicate")
        check(["evt_1"], handled, "the handler has run once")

    def test_a_closed_router_is_answered_503(self) -> None:
        """What comes in a shutdown is sent to another process, or comes again."""
        with self.serving() as served:
            served.start()
            served.router.close()
            answer = served.deliver(event())
        check((503, "draining"), (answer.status, answer.json()["outcome"]), "nothing is taken")
        check_that("retry-after" in answer.headers, "Retry-After is said", answer.headers)
