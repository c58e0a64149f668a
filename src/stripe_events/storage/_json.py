"""Records as JSON text, for databases that keep the handlers of an event in one column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stripe_events._messages import Answer
from stripe_events.storage._records import ErrorRecord, HandlerRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEFAULTS = HandlerRecord("")
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def dump_handlers(handlers: Iterable[HandlerRecord]) -> str:
    """Give a JSON array of objects with a ``name`` and what differs from a planned handler."""
    return _dumps([_dump_handler(handler) for handler in handlers])


def load_handlers(text: str) -> tuple[HandlerRecord, ...]:
    """Give the handlers back; members that this version does not know are left out."""
    return tuple(_load_handler(value) for value in json.loads(text))


def dump_names(names: Iterable[str]) -> str:
    """Give a JSON array of strings."""
    return _dumps(list(names))


def load_names(text: str) -> tuple[str, ...]:
    """Give the strings back."""
    return tuple(json.loads(text))


def dump_answer(answer: Answer | None) -> str | None:
    """Give an answer as JSON; its body is JSON already, so it is kept as text."""
    if answer is None:
        return None
    return _dumps({"body": answer.body.decode(), "headers": dict(answer.headers)})


def load_answer(text: str | None) -> Answer | None:
    """Give the answer back, byte for byte."""
    if text is None:
        return None
    value = json.loads(text)
    return Answer(value["body"].encode(), value["headers"])


def _dump_handler(handler: HandlerRecord) -> dict[str, Any]:
    dumped: dict[str, Any] = {"name": handler.name}
    for field, value, default in zip(HandlerRecord._fields, handler, _DEFAULTS, strict=True):
        if value != default and field != "name":
            dumped[field] = value._asdict() if isinstance(value, ErrorRecord) else value
    return dumped


def _load_handler(value: dict[str, Any]) -> HandlerRecord:
    known = {field: value[field] for field in HandlerRecord._fields if field in value}
    for field in ("error", "late_error"):
        if field in known:
            known[field] = ErrorRecord(**known[field])
    if "formerly" in known:
        known["formerly"] = tuple(known["formerly"])
    return HandlerRecord(**known)
