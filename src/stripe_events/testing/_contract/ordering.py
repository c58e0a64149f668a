"""Cases: events of one order key run one at a time, oldest first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stripe_events.storage._results import Claimed, Held
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, arrival, code
from stripe_events.testing._contract.racing import together

if TYPE_CHECKING:
    from stripe_events.testing._contract.driven import Driven


def head_of(store: Driven, *event_ids: str) -> str:
    """Deliver parked events once more, and give the one that can be claimed."""
    heads = [one for one in event_ids if isinstance(store.deliver(one, order_key="k"), Claimed)]
    check(1, len(heads), "exactly one of the waiting events can be claimed")
    return heads[0]


class OrderCases(Contract):
    """The key, who waits for it, and who is next."""

    @case
    def test_one_event_of_a_key_at_a_time(self, store: Driven) -> None:
        """Hold an event back while another one of its key is not settled."""
        first = store.claim("evt_1", order_key="k")
        check_type(Held, store.deliver("evt_2", order_key="k"), "evt_2 waits for evt_1")
        check_type(Held, store.another().deliver("evt_2", order_key="k"), "it waits everywhere")
        store.succeed(first)
        store.claim("evt_2", order_key="k")

    @case
    def test_other_keys_do_not_wait(self, store: Driven) -> None:
        """Let events of other keys, and those without one, go their way."""
        store.claim("evt_1", order_key="k")
        store.claim("evt_2", order_key="another")
        store.claim("evt_3")
        store.claim("evt_4", order_key="k", scope="another")

    @case
    def test_the_oldest_goes_first(self, store: Driven) -> None:
        """Hand the key to the first by Stripe's time, in whichever order they came."""
        head = store.claim("evt_0", order_key="k")
        waiting = {"evt_a": CREATED + 3, "evt_c": CREATED + 1, "evt_b": CREATED + 2}
        for event_id, created in waiting.items():
            store.deliver(event_id, order_key="k", created=created)
            store.tick()
        store.succeed(head)
        for expected in ("evt_c", "evt_b", "evt_a"):
            told = {one: store.deliver(one, order_key="k") for one in waiting}
            mine = [one for one, accepted in told.items() if isinstance(accepted, Claimed)]
            check([expected], mine, "the oldest that waits has the key")
            store.succeed(check_type(Claimed, told[expected], "it is claimed"))

    @case
    def test_of_the_same_second_the_first_received_goes_first(self, store: Driven) -> None:
        """Break ties of Stripe's time by when they were received, then by their ids."""
        head = store.claim("evt_0", order_key="k")
        for event_id in ("evt_2", "evt_1"):
            store.deliver(event_id, order_key="k")
            store.tick()
        store.succeed(head)
        check("evt_2", head_of(store, "evt_1", "evt_2"), "evt_2 was received first")

    @case
    def test_a_failed_event_holds_its_successors_back(self, store: Driven) -> None:
        """Keep the key while an event has failed, was given back, or its owner is gone."""
        claimed = store.claim("evt_1", order_key="k")
        store.fail(claimed)
        store.suspend(claimed.claim)
        check_type(Held, store.deliver("evt_2", order_key="k"), "evt_1 has failed")
        claimed = store.claim("evt_1", order_key="k")
        store.give_back(claimed.claim)
        check_type(Held, store.deliver("evt_2", order_key="k"), "evt_1 was given back")
        store.expire(store.claim("evt_1", order_key="k"))
        check_type(Held, store.deliver("evt_2", order_key="k"), "the owner of evt_1 is gone")
        store.succeed(store.claim("evt_1", order_key="k"))
        store.claim("evt_2", order_key="k")

    @case
    def test_a_dead_event_hands_its_key_on(self, store: Driven) -> None:
        """Let a dead event hold nobody back."""
        head = store.claim("evt_1", order_key="k")
        store.deliver("evt_2", order_key="k")
        store.kill(head)
        store.claim("evt_2", order_key="k")

    @case
    def test_a_claim_that_settles_hands_its_key_on(self, store: Driven) -> None:
        """Hand the key on also where the last suspect's death or a retirement settles an event."""
        once = code("a", max_abandoned=1)
        store.expire(store.claim("evt_1", order_key="k", code=once))
        store.deliver("evt_2", order_key="k")
        store.deliver("evt_1", order_key="k", code=once)
        claimed = store.claim("evt_2", order_key="k")
        store.deliver("evt_3", order_key="k")
        store.suspend(claimed.claim)
        store.deliver("evt_2", order_key="k", code=code("b", retired=frozenset({"a"})))
        store.claim("evt_3", order_key="k")

    @case
    def test_who_comes_after_a_settled_event_waits_for_nobody(self, store: Driven) -> None:
        """Free the key when nobody waits for it."""
        for number in range(3):
            store.done(f"evt_{number}", order_key="k", created=CREATED + number)

    @case
    def test_what_comes_out_of_order_is_marked(self, store: Driven) -> None:
        """Mark an event that is older than one of its key that was done before it came."""
        store.done("evt_2", order_key="k", created=CREATED + 2)
        late = store.claim("evt_1", order_key="k", created=CREATED + 1)
        check(True, late.record.out_of_order, "evt_1 is older than evt_2, which is done")
        store.succeed(late)
        same = store.claim("evt_2b", order_key="k", created=CREATED + 2)
        check(False, same.record.out_of_order, "the same second is in order")

    @case
    def test_what_waited_out_of_order_is_marked(self, store: Driven) -> None:
        """Mark an older event also if it came while the newer one was being handled."""
        head = store.claim("evt_2", order_key="k", created=CREATED + 2)
        store.deliver("evt_1", order_key="k", created=CREATED + 1)
        store.deliver("evt_3", order_key="k", created=CREATED + 3)
        store.succeed(head)
        late = store.claim("evt_1", order_key="k", created=CREATED + 1)
        check(True, late.record.out_of_order, "evt_1 is older than evt_2, which was done first")
        store.succeed(late)
        last = store.claim("evt_3", order_key="k", created=CREATED + 3)
        check(False, last.record.out_of_order, "evt_3 is newer than both")

    @case
    def test_of_events_of_a_key_at_the_same_moment_one_is_claimed(self, store: Driven) -> None:
        """Let one of many new events of a key begin, though they come at the same moment."""
        handles = [store, store.another()]
        calls = [lambda n=n: handles[n % 2].deliver(f"evt_{n}", order_key="k") for n in range(6)]
        told = together(calls)
        claims = [one for one in told if isinstance(one, Claimed)]
        check(1, len(claims), "one of them has the key")
        check_that(all(isinstance(one, Claimed | Held) for one in told), "the others wait", told)
        for _ in range(5):
            store.succeed(claims[0])
            told = [store.deliver(f"evt_{n}", order_key="k") for n in range(6)]
            claims = [one for one in told if isinstance(one, Claimed)]
            check(1, len(claims), "each of them has its turn")

    @case
    def test_nobody_waits_for_ever(self, store: Driven) -> None:
        """Let an event that comes while the key is handed on have it, or the next turn."""
        other = store.another()
        for turn in range(8):
            key = f"k{turn}"
            head = store.claim(f"head_{turn}", order_key=key)
            came = arrival(f"next_{turn}", order_key=key)
            together([partial(store.succeed, head), partial(other.accept, came)])
            told = store.accept(came)
            check_type(Claimed, told, "the key is free, and the event that came has it")
