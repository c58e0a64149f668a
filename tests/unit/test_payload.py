"""From bytes to a JSON object: what is read, and that all else is one error."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from stripe_events._payload import load
from stripe_events.errors import MalformedPayload

DEEP = 100_000


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b' \r\n\t{"a": [1, 2.5, null, true, "\xc3\xa9"]}\n', {"a": [1, 2.5, None, True, "é"]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": "\\u0000"}', {"a": "\0"}),
        (b'{"a": 1e308, "b": 1e-999}', {"a": 1e308, "b": 0.0}),
        (b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b'{"": {"__proto__": -0}}', {"": {"__proto__": 0}}),
    ],
)
def test_a_json_object_is_read(body: bytes, expected: dict[str, Any]) -> None:
    """What JSON allows, with the last of several equal keys."""
    assert expected == load(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b" ", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON: Extra data, at character 3"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": "\n"}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b"[]", "not an object"),
        (b'[{"id": "evt_1"}]', "not an object"),
        (b'"{}"', "not an object"),
        (b"null", "not an object"),
        (b"1", "not an object"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        (b'{"a": NaN}', "number"),
        (b'{"a": Infinity}', "number"),
        (b'{"a": -Infinity}', "number"),
        (b'{"a": 1e999}', "number"),
        (b'{"a": -1e999}', "number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number"),
        (b"[" * DEEP, "nested too deeply"),
        (b'{"a":' * DEEP, "nested too deeply"),
        (b'[{"a":' * DEEP, "nested too deeply"),
        (b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}", "nested too deeply"),
        (b"]" * DEEP, "not JSON"),
        (b"}" * DEEP, "not JSON"),
    ],
)
def test_anything_else_is_malformed(body: bytes, why: str) -> None:
    """One error, which says why."""
    with pytest.raises(MalformedPayload, match=why):
        load(body)


@pytest.mark.parametrize("body", [b'{"a": hunter2}', b'["hunter2"]', b'"hunter2', b'hunter2"\xff'])
def test_the_error_shows_nothing_of_the_body(body: bytes) -> None:
    """A body may hold anything, and errors go to logs."""
    with pytest.raises(MalformedPayload) as caught:
        load(body)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("body", [b"{hunter2}", b'{"a": 1} hunter2', b"\xff", b"[" * DEEP, b"NaN"])
def test_the_error_carries_nothing_of_the_body(body: bytes) -> None:
    """Python's own errors keep the whole text, for error trackers to find."""
    with pytest.raises(MalformedPayload) as caught:
        load(body)
    assert caught.value.__context__ is None
