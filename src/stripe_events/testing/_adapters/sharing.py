"""Cases: several requests at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from stripe_events.storage import MemoryStore
from stripe_events.testing._adapters.speaking import Hooks, event
from stripe_events.testing._checks import check, check_that

_LIMIT = 20.0
"""Seconds after which a case fails instead of waiting on; not waited out by one that holds."""

_MANY = 20


class ShareCases(Hooks):
    """Requests that overlap."""

    def test_requests_at_once_get_their_own_answers(self) -> None:
        """Nothing of one request shows in another."""
        ids = [f"evt_{number}" for number in range(_MANY)]
        with self.serving() as served, ThreadPoolExecutor(_MANY) as threads:
            served.router.on_any(name="any")(lambda _: None)
            served.start()
            answers = list(threads.map(served.deliver, [event(id_) for id_ in ids]))
        told = [answer.json().get("event") for answer in answers]
        check(ids, told, "each answer names the event of its request")

    def test_an_event_that_is_being_handled_is_answered_409(self) -> None:
        """A handler that takes long holds up no other request."""
        begun, end = threading.Event(), threading.Event()
        with (
            self.serving(store=MemoryStore(), busy_wait=0) as served,
            ThreadPoolExecutor(1) as thread,
        ):

            @served.router.on_any(name="slow")
            def slow(_: object) -> None:
                begun.set()
                end.wait(_LIMIT)

            served.start()
            first = thread.submit(served.deliver, event())
            first.add_done_callback(lambda _: begun.set())
            try:
                check_that(begun.wait(_LIMIT) and not first.done(), "the handler begins", first)
                second = served.deliver(event())
            finally:
                end.set()
            check((409, "busy"), (second.status, second.json()["outcome"]), "the second is busy")
            check_that("retry-after" in second.headers, "Retry-After is said", second.headers)
            check(200, first.result(_LIMIT).status, "the first is handled")
