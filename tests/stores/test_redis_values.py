"""Records as Redis has them: whatever they hold comes back, and sorts as it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_events._messages import Answer
from stripe_events.storage import ErrorRecord, EventRecord, HandlerRecord
from stripe_events.storage._records import KeyId, KeyRecord
from stripe_events.storage._redis._layout import members, order_prefix, position, time_bytes
from stripe_events.storage._redis._values import (
    event_of,
    fence_of,
    key_of,
    key_value_of,
    rest_of,
    value_of,
)
from stripe_events.storage._results import Claim

TIMES = st.floats(allow_nan=False, allow_infinity=False)

RECORD = EventRecord(
    scope="default",
    id="evt_1",
    type="charge.succeeded",
    account="acct_1",
    livemode=True,
    created=1.0,
    order_key='a "key"\nü\0',
    first_seen=1_700_000_000.123456,
    last_seen=1_700_000_001.5,
    state="claimed",
    lane="inbox",
    due=None,
    token=3,
    claim_id='a "claim"\n',
    lease_until=1_700_000_060.25,
    abandoned=1,
    generation=2,
    handlers=(
        HandlerRecord(
            "a", "failed", 2, 3, 1.5, ErrorRecord("E", "no\nluck \ud800\0", "tb", 1, 2.5)
        ),
        HandlerRecord("b", formerly=("c",), stale_key="s", undecided=True),
    ),
    refused=("d",),
    running=("a", "b"),
    answer=Answer(b'{"a": "\xc3\xbc"}', {"X-A": "b"}),
    out_of_order=True,
    erased=True,
    revision=7,
)


def test_an_event_comes_back_as_it_was() -> None:
    """With texts that have line ends, quotes and what no UTF-8 has."""
    assert RECORD._replace(revision=8) == event_of("default", value_of(RECORD, 8))


def test_what_a_later_version_adds_is_left_out() -> None:
    """Old code reads what new code has written."""
    lines = value_of(RECORD, 7).decode().split("\n")
    lines[2] = lines[2][:-1] + ',"more",{}]'
    assert RECORD == event_of("default", "\n".join(lines).encode())


def test_a_heartbeat_changes_the_first_two_lines_only() -> None:
    """The others are compared as a whole."""
    extended = RECORD._replace(lease_until=9.0, revision=9)
    assert rest_of(RECORD) == rest_of(extended)
    assert value_of(RECORD, 7).split(b"\n", 2)[2] == value_of(extended, 9).split(b"\n", 2)[2]


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"token": 30}, False),
        ({"claim_id": 'a "claim"\nmore'}, False),
        ({"claim_id": "", "token": 3}, False),
    ],
)
def test_a_fence_is_that_of_one_claim(change: dict[str, object], valid: bool) -> None:
    """A claim that only begins as the valid one does is another one."""
    claim = Claim("default", "evt_1", 3, 'a "claim"\n')._replace(**change)  # type: ignore[arg-type]
    assert valid == rest_of(RECORD).startswith(fence_of(claim))


def test_a_key_row_comes_back_as_it_was() -> None:
    """With a holder or without."""
    key = KeyId("default", "order", "a\nb")
    for row in (KeyRecord(key, "evt_1", 1.5, 3), KeyRecord(key, None, None, 3)):
        assert row == key_of(key, key_value_of(row, 3))


@given(TIMES, TIMES)
def test_times_sort_as_numbers_do(one: float, other: float) -> None:
    """Also those before 1970, which nobody has."""
    assert (one < other) == (time_bytes(one + 0.0) < time_bytes(other + 0.0))


@given(st.tuples(TIMES, st.text(st.characters(codec="utf-8"))), st.tuples(TIMES, st.text()))
def test_positions_sort_as_pairs_do(one: tuple[float, str], other: tuple[float, str]) -> None:
    """By time, then by id, as Python compares texts."""
    one, other = (
        (one[0] + 0.0, one[1]),
        (other[0] + 0.0, other[1].encode("utf-8", "replace").decode()),
    )
    assert (one < other) == (position(*one) < position(*other))


@given(st.text(), st.text())
def test_order_keys_do_not_begin_each_other(one: str, other: str) -> None:
    """Else one would find what is parked for the other."""
    assert one == other or not order_prefix(one).startswith(order_prefix(other))


def test_only_what_is_parked_stands_in_a_queue() -> None:
    """Others are found by their state alone."""
    assert 1 == len(members(RECORD))
    assert 2 == len(members(RECORD._replace(state="parked")))
    assert 1 == len(members(RECORD._replace(state="parked", order_key=None)))
