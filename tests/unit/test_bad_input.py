"""
Whatever comes in: nothing raises out of ``handle``, and every answer is one of the closed set.

20,000 examples in all; ``pytest --hypothesis-profile=long`` searches fifty times as long.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stripe_events import EventRouter, Outcome, WebhookResponse, parse
from stripe_events._verification import sign
from stripe_events.errors import StripeEventsError
from tests.unit.deliveries import NOW, SECRET, encode, router, signed, snapshot, thin

HUNDRED = settings.default.max_examples if settings.default else 100
DEEP = 100_000
REJECTED = {
    Outcome.SIGNATURE_MISSING,
    Outcome.SIGNATURE_INVALID,
    Outcome.SIGNATURE_EXPIRED,
    Outcome.MALFORMED,
    Outcome.TOO_LARGE,
}


def taking_everything() -> EventRouter:
    """Give a router whose handler reads every field, and raises where a value is no good."""
    to = router()

    @to.on_any
    def read(event: Any) -> None:
        assert all(hasattr(event, field.name) for field in fields(event))
        assert (event.id in repr(event), event.type in repr(event)) == (True, True)
        assert event == parse(event.payload)

    return to


ROUTER = taking_everything()


def checked(response: WebhookResponse) -> Outcome:
    """Give the outcome of a response that is whole and says nothing it should not."""
    said = json.loads(response.body)
    assert isinstance(response.outcome, Outcome)
    assert (response.outcome.status, response.outcome.value, response.event_id) == (
        response.status,
        said["outcome"],
        said.get("event"),
    )
    assert {"outcome", "event"} >= set(said)
    assert str(len(response.body)) == response.headers["content-length"]
    assert response.body.isascii()
    assert (response.outcome is Outcome.HANDLED) is (response.error is None)
    assert response.error is None or isinstance(response.error, StripeEventsError)
    return response.outcome


def outcome(payload: object) -> Outcome:
    """Give the outcome of a signed payload; bytes are taken as they are."""
    return checked(ROUTER.handle(*signed(payload)))


# Text with lone surrogates, which JSON can carry and UTF-8 cannot.
TEXT = st.text(st.characters(codec=None))
NUMBERS = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
KEYS = st.sampled_from([*snapshot(), *thin(), "account", "previous_attributes", "detail"]) | TEXT
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)


def with_duplicates(pairs: list[tuple[str, Any]]) -> bytes:
    """Write an object in which a key may come several times."""
    members = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
    return f"{{{', '.join(members)}}}".encode()


DUPLICATES = st.lists(st.tuples(KEYS, JSON), max_size=4).map(with_duplicates)

NAMES = st.sampled_from(["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"]) | TEXT
PIECES = st.sampled_from(
    ["t=", "v1=", "v0=", "=", ",", ",,", " ", "\t", "\n", str(NOW), "-1", "0" * 64, "é", "\0"]
)
VALUES = st.one_of(
    TEXT,
    st.binary(),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode()),
)
HEADERS = st.one_of(
    st.none(),
    VALUES,
    st.dictionaries(NAMES | NAMES.map(lambda n: n.encode("utf-8", "replace")), VALUES, max_size=3),
    st.dictionaries(NAMES, st.lists(VALUES, max_size=3), max_size=3),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
    st.lists(st.tuples(st.binary(), VALUES), max_size=4),
)
BODIES = st.one_of(st.binary(), TEXT, st.binary().map(bytearray), st.binary().map(memoryview))


@settings(max_examples=50 * HUNDRED)
@given(BODIES, HEADERS)
def test_any_bytes_and_any_headers_have_an_outcome(body: Any, headers: Any) -> None:
    """What nobody signed is rejected, whatever it looks like."""
    assert checked(ROUTER.handle(body, headers)) in REJECTED


@settings(max_examples=20 * HUNDRED)
@given(HEADERS)
def test_a_good_body_with_any_headers_is_rejected(headers: Any) -> None:
    """No header but the right one lets an event in."""
    assert checked(ROUTER.handle(encode(snapshot()), headers)) in REJECTED


@settings(max_examples=20 * HUNDRED)
@given(st.binary())
@example(b"")
@example(b"\xff\xfe{}")
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb\xbf\xef\xbb\xbf{}")
@example(b"{}" * 1000)
def test_any_signed_bytes_have_an_outcome(body: bytes) -> None:
    """A signature says who wrote, not that it was sense."""
    assert Outcome.MALFORMED is outcome(body)


@settings(max_examples=20 * HUNDRED)
@given(JSON)
@example([snapshot()])
@example(float("nan"))
@example(float("-inf"))
def test_any_signed_json_has_an_outcome(value: Any) -> None:
    """Arrays, scalars, and objects that are no events."""
    assert outcome(value) in {Outcome.MALFORMED, Outcome.HANDLED}


@settings(max_examples=20 * HUNDRED)
@given(OBJECTS | DUPLICATES)
@example(b'{"id": "a", "id": "evt_1", "type": "x", "data": {}, "data": {"object": {}}}')
def test_any_signed_object_has_an_outcome(value: Any) -> None:
    """With an event's field names, some of them twice."""
    assert outcome(value) in {Outcome.MALFORMED, Outcome.HANDLED}


def paths(value: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the way to every member of nested objects."""
    if not isinstance(value, dict):
        return []
    ways = [(*above, key) for key in value]
    return ways + [way for key in value for way in paths(value[key], (*above, key))]


def replaced(payload: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Give the payload with another value in one place, or without it where that is ``...``."""
    copy = json.loads(json.dumps(payload))
    parent = copy
    for key in path[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return copy


EXTRA = {"account": "acct_1", "context": "org_1/acct_1"}
WHOLE = [
    snapshot(**EXTRA, data={"object": {"id": "ch_1"}, "previous_attributes": {"status": "x"}}),
    thin(context="org_1/acct_1"),
]
PLACES = st.sampled_from([(payload, path) for payload in WHOLE for path in paths(payload)])


@settings(max_examples=50 * HUNDRED)
@given(PLACES, JSON | st.just(...))
def test_an_event_with_any_value_in_any_place_has_an_outcome(place: Any, value: Any) -> None:
    """Either it is still an event, whose every field can be read, or it is malformed."""
    assert outcome(replaced(*place, value)) in {Outcome.MALFORMED, Outcome.HANDLED}


@settings(max_examples=20 * HUNDRED)
@given(st.sampled_from(WHOLE).map(encode), st.data())
def test_a_damaged_event_has_an_outcome(body: bytes, data: st.DataObject) -> None:
    """Cut, or with other bytes somewhere, and signed so."""
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    damaged = body[:start] + data.draw(st.binary(max_size=8)) + body[end:]
    assert outcome(damaged) in {Outcome.MALFORMED, Outcome.HANDLED}


def in_place(text: bytes) -> bytes:
    """Give an event with this raw JSON as a value of its resource."""
    return encode(snapshot(data={"object": {"x": "HERE"}})).replace(b'"HERE"', text)


@pytest.mark.parametrize(
    "body",
    [
        *(bracket * DEEP for bracket in (b"[", b"]", b"{", b"}", b'{"a":', b'[{"a":', b"[[]")),
        in_place(b"[" * DEEP + b"]" * DEEP),
        in_place(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        in_place(b"9" * 5000),
        in_place(b"-" + b"9" * 5000),
        in_place(b"1e999"),
        in_place(b"-1E+999"),
        in_place(b"1." + b"9" * 5000 + b"e9999"),
        in_place(b"NaN"),
        in_place(b"Infinity"),
        in_place(b"-Infinity"),
        in_place(b'"\xff"'),
        in_place(b'"\xed\xa0\x80"'),
        in_place(b'"\\u12"'),
        encode(snapshot()).replace(str(NOW).encode(), b"9" * 4000),
        encode(snapshot()).replace(b'"evt_1"', b'"\\ud800"'),
        encode(snapshot()).replace(b'"evt_1"', b'"' + b"e" * 1_000_000 + b'"'),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    """Though it is signed, and as deep, large or odd as JSON can be."""
    assert Outcome.MALFORMED is outcome(body)


@pytest.mark.parametrize(
    "body",
    [
        in_place(b"[" * 400 + b"]" * 400),
        in_place(b"9" * 4000),
        in_place(b"1e308"),
        in_place(b"1." + b"9" * 5000),
        in_place(b'"\\ud800"'),
        in_place(b'"\\u0000"'),
        in_place(b'{"a": 1, "a": 2}'),
        in_place(b'"' + b"x" * 1_000_000 + b'"'),
        in_place(b"[" + b"{}," * DEEP + b"{}]"),
    ],
)
def test_what_is_only_unusual_is_handled(body: bytes) -> None:
    """It is JSON, and an event."""
    assert Outcome.HANDLED is outcome(body)


MEGABYTE = 1_000_000
GOOD = sign(encode(snapshot()), SECRET, timestamp=NOW)["Stripe-Signature"]


@pytest.mark.parametrize(
    "value",
    [
        "x" * MEGABYTE,
        "," * MEGABYTE,
        "=" * MEGABYTE,
        "t=" * MEGABYTE,
        "v1=," * (MEGABYTE // 4),
        f"t={NOW}" + f",v1={'0' * 64}" * (MEGABYTE // 68),
        GOOD + "," + "v0=" + "0" * MEGABYTE,
        "t=" + "9" * MEGABYTE + ",v1=" + "0" * 64,
        f"t={NOW},v1=" + "é" * 64,
        f"t={NOW},v1=" + "\ud800" * 64,
        "t=１７６０００００００,v1=" + "0" * 64,  # noqa: RUF001 - digits of another script
        f"t={NOW},v1=" + "\0" * 64,
    ],
)
@pytest.mark.parametrize("form", ["bare", "mapping", "pairs", "list"])
def test_a_monstrous_header_is_rejected(value: str, form: str) -> None:
    """However long, and in whatever script."""
    forms: dict[str, Any] = {
        "bare": value,
        "mapping": {"Stripe-Signature": value},
        "pairs": [(b"stripe-signature", value.encode("utf-8", "surrogatepass"))],
        "list": {"stripe-signature": [value]},
    }
    assert Outcome.SIGNATURE_INVALID is checked(ROUTER.handle(encode(snapshot()), forms[form]))


def test_very_many_headers_are_looked_through() -> None:
    """One of them is the right one."""
    headers = [(f"x-{number}", "x" * 1000) for number in range(1000)]
    response = ROUTER.handle(encode(snapshot()), [*headers, ("stripe-signature", GOOD)])
    assert Outcome.HANDLED is checked(response)


@pytest.mark.parametrize(
    "headers",
    [
        5,
        object(),
        ["stripe-signature"],
        [("a",)],
        [("a", "b", "c")],
        [None],
        {5: "x"},
        {None: None},
        bytearray(b"t=1"),
    ],
)
def test_headers_that_are_none_are_our_failure(headers: Any) -> None:
    """No framework gives such; Stripe is to try again when it is mended."""
    assert Outcome.FAILED is checked(ROUTER.handle(encode(snapshot()), headers))
