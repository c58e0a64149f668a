"""Cases: every step of the table, and no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from stripe_events.errors import LostClaim
from stripe_events.storage._records import State
from stripe_events.storage._table import TRANSITIONS, Verb
from stripe_events.testing._checks import check, check_that
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.scenes import Scene, needs_time, play, play_all

if TYPE_CHECKING:
    from stripe_events.storage._table import Source
    from stripe_events.testing._contract.driven import Driven

SOURCES: tuple[Source, ...] = ("absent", *get_args(State))
# The finish that gives a parked event its turn is that of another event.
KNOWN = {(row.verb, row.source) for row in TRANSITIONS} - {("finish", "parked")}


class StepCases(Contract):
    """The table of transitions, row by row."""

    @case
    def test_steps_of_accept(self, store: Driven) -> None:
        """Take each step of accept as the table says."""
        play_all(store, "accept")

    @case
    def test_steps_of_enqueue(self, store: Driven) -> None:
        """Take each step of enqueue as the table says."""
        play_all(store, "enqueue")

    @case
    def test_steps_of_take_due(self, store: Driven) -> None:
        """Take each step of take_due as the table says."""
        play_all(store, "take_due")

    @case
    def test_steps_of_finish(self, store: Driven) -> None:
        """Take each step of finish as the table says."""
        play_all(store, "finish")

    @case
    def test_steps_that_end_or_lengthen_a_claim(self, store: Driven) -> None:
        """Take each step of extend, suspend and give_back as the table says."""
        play_all(store, "extend")
        play_all(store, "suspend")
        play_all(store, "give_back")

    @case
    def test_steps_of_retry_and_replay(self, store: Driven) -> None:
        """Take each step of retry and replay as the table says."""
        play_all(store, "retry")
        play_all(store, "replay")

    @case
    def test_steps_of_drop(self, store: Driven) -> None:
        """Take each step of drop as the table says."""
        play_all(store, "drop")

    @case
    def test_steps_of_erase(self, store: Driven) -> None:
        """Take each step of erase as the table says."""
        play_all(store, "erase")

    @case
    def test_steps_that_need_time(self, store: Driven) -> None:
        """Take each step of forget, and those of the watermark, as the table says."""
        for row in filter(needs_time, TRANSITIONS):
            play(store, row)

    @case
    def test_there_is_no_other_step(self, store: Driven) -> None:
        """Leave an event as it is when the table has no step of a verb from its state."""
        for verb in get_args(Verb):
            for source in SOURCES:
                if (verb, source) not in KNOWN and verb != "forget":
                    refuse(store, verb, source)


def refuse(store: Driven, verb: Verb, source: Source) -> None:
    """Insist that a verb changes nothing of an event in this state."""
    scene = Scene(store, f"{verb}: {source}", verb, source, "always")
    check(source, scene.state(), f"the event is {source} before {verb}")
    before = scene.stored()
    try:
        told = scene.act()
    except LostClaim:
        told = "Refused"
    check_that(told in ("Refused", "-"), f"{verb} has nothing to do with what is {source}", told)
    check(before, scene.stored(), f"{verb} changes nothing of what is {source}")
