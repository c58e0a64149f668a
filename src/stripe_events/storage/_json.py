"""Records as JSON text, for databases that keep the handlers of an event in one column."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as _quoted
from typing import TYPE_CHECKING, Any, Final

from stripe_events._messages import Answer
from stripe_events.storage._records import ErrorRecord, HandlerRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

_PLANNED: Final = HandlerRecord("")
_HANDLER_FIELDS: Final = frozenset(HandlerRecord._fields)
_ERROR_FIELDS: Final = frozenset(ErrorRecord._fields)
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
# It does not look for white space around the value, of which there is none.
_decode = json.JSONDecoder().raw_decode


def dump_handlers(handlers: Iterable[HandlerRecord]) -> str:
    """Give a JSON array of objects with a ``name`` and what differs from a planned handler."""
    return f"[{','.join(map(_dump_handler, handlers))}]"


def load_handlers(text: str) -> tuple[HandlerRecord, ...]:
    """Give the handlers back; members that this version does not know are left out."""
    return tuple(map(_load_handler, _decode(text)[0]))


def dump_names(names: Iterable[str]) -> str:
    """Give a JSON array of strings."""
    return f"[{','.join(map(_quoted, names))}]"


def load_names(text: str) -> tuple[str, ...]:
    """Give the strings back."""
    return () if text == "[]" else tuple(_decode(text)[0])


def dump_answer(answer: Answer | None) -> str | None:
    """Give an answer as JSON; its body is JSON already, so it is kept as text."""
    if answer is None:
        return None
    return _dumps({"body": answer.body.decode(), "headers": dict(answer.headers)})


def load_answer(text: str | None) -> Answer | None:
    """Give the answer back, byte for byte."""
    if text is None:
        return None
    value = _decode(text)[0]
    return Answer(value["body"].encode(), value["headers"])


def _dump_handler(handler: HandlerRecord) -> str:
    if handler[1:] == _PLANNED[1:]:
        return f'{{"name":{_quoted(handler.name)}}}'
    dumped: dict[str, Any] = {"name": handler.name}
    for field, value, default in zip(HandlerRecord._fields, handler, _PLANNED, strict=True):
        if value != default:
            dumped[field] = value._asdict() if isinstance(value, ErrorRecord) else value
    return _dumps(dumped)


def _load_handler(value: dict[str, Any]) -> HandlerRecord:
    known = _known(value, _HANDLER_FIELDS)
    for field in ("error", "late_error"):
        if field in known:
            known[field] = ErrorRecord(**_known(known[field], _ERROR_FIELDS))
    if "formerly" in known:
        known["formerly"] = tuple(known["formerly"])
    return HandlerRecord(**known)


def _known(value: dict[str, Any], fields: AbstractSet[str]) -> dict[str, Any]:
    if value.keys() <= fields:
        return value
    return {field: value[field] for field in fields if field in value}
