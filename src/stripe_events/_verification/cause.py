"""
Find out why no signature matched, for the operator.

Only mismatches come here and nothing here accepts anything. From a mismatch alone
a wrong secret and an altered body cannot be told apart. So the alterations and the
mistakes with secrets that happen in practice are undone one by one; where the
signature then matches, the cause is proved. Where none does, the look of the body
and of the secret gives a likely cause, and the message says "probably".

The work is bounded, as anybody can cause a mismatch: large bodies are not tried,
nor is JSON of very many values written again, nor what would grow far beyond the
body. The costliest rejection takes some 20 ms.
"""

from __future__ import annotations

import json
import re
from binascii import Error as NoBase64
from binascii import a2b_base64
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from stripe_events._verification.diagnosis import Diagnosis
from stripe_events._verification.keys import Key
from stripe_events._verification.signature import matching_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events._verification.header import SignatureHeader
    from stripe_events._verification.keys import Keys

__all__ = ["EXAMINED_BYTES", "Cause", "find_cause"]

EXAMINED_BYTES = 256 * 1024
"""The largest body that is tried in other forms."""

_REWRITTEN_VALUES = 4096  # an event of 40 kB has about 1,900
_REWRITTEN_DEPTH = 100  # an event has less than 20
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_WRITTEN_CHARACTERS = 4 * EXAMINED_BYTES
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEX = frozenset("0123456789abcdef")
_SIGNATURE_LENGTH = 64


class Cause(NamedTuple):
    """Why a signature does not match; ``message`` is for the operator."""

    diagnosis: Diagnosis
    message: str


def find_cause(header: SignatureHeader, body: bytes, keys: Keys) -> Cause:
    """Give the proved or else the likeliest cause of a mismatch; raise nothing."""
    _, signatures = header
    if not any(_is_well_formed(signature) for signature in signatures):
        return Cause(
            Diagnosis.UNREADABLE_HEADER,
            "the Stripe-Signature header cannot be read: "
            "none of its v1 values is 64 lower-case hexadecimal digits",
        )
    if len(body) <= EXAMINED_BYTES:
        for cause, tried_keys, tried_body in _attempts(body, keys):
            if matching_name(tried_keys, header, tried_body) is not None:
                return cause
    return _likely_cause(body, keys)


def _is_well_formed(signature: str) -> bool:
    return len(signature) == _SIGNATURE_LENGTH and _HEX.issuperset(signature)


def _attempts(body: bytes, keys: Keys) -> Iterator[tuple[Cause, Keys, bytes]]:
    for what, earlier in _undone(body):
        message = (
            f"the body was altered on its way from Stripe to here: {what}. "
            "Pass the raw bytes of the request"
        )
        yield Cause(Diagnosis.BODY_ALTERED, message), keys, earlier
    for what, others in _other_kinds(keys):
        message = f"the sender signs with a secret of another kind than Stripe's: {what}"
        yield Cause(Diagnosis.SECRET_OF_ANOTHER_KIND, message), others, body
    for earlier in _rewritten(body):
        message = (
            "the body was parsed and written again on its way from Stripe to here, which "
            "changes its bytes. Pass the raw bytes of the request"
        )
        yield Cause(Diagnosis.BODY_RESERIALISED, message), keys, earlier


def _undone(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the body before each small alteration that it may have gone through."""
    yield "a newline was added at its end", body.rstrip(b"\r\n")
    yield "the newline at its end was removed", body + b"\n"
    yield "its line ends were turned into CRLF", body.replace(b"\r\n", b"\n")
    yield "whitespace was added around it", body.strip()
    yield "a byte order mark was added", body.removeprefix(_BYTE_ORDER_MARK)
    yield "its byte order mark was removed", _BYTE_ORDER_MARK + body
    with suppress(UnicodeError):
        yield "it was decoded as Latin-1, not UTF-8", body.decode("utf-8").encode("latin-1")
    with suppress(NoBase64):
        yield "it is still encoded as base64", a2b_base64(body, strict_mode=True)


def _other_kinds(keys: Keys) -> Iterator[tuple[str, Keys]]:
    """Give the keys as senders of other schemes would use the same text."""
    bare = [(key.name, key.secret.removeprefix(b"whsec_")) for key in keys]
    yield "without its beginning, whsec_", tuple(Key(name, secret) for name, secret in bare)
    decoded: list[Key] = []
    for name, secret in bare:
        try:
            decoded.append(Key(name, a2b_base64(secret + b"=" * (-len(secret) % 4))))
        except NoBase64:
            continue
    yield "decoded from base64, as Standard Webhooks has it", tuple(decoded)


def _rewritten(body: bytes) -> Iterator[bytes]:
    """
    Give the forms in which Stripe may have written the JSON of ``body``.

    Stripe indents snapshot events by two spaces and sends thin ones without spaces.
    """
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _REWRITTEN_VALUES:
        return
    if _depth(body) > _REWRITTEN_DEPTH:
        return
    try:
        value: object = json.loads(body)
        if isinstance(value, str):  # JSON inside a JSON string, as queues and proxies make it
            yield value.encode("utf-8", "surrogatepass")
            return
        plain = body.isascii() and b"\\u" not in body
        for ensure_ascii in (True,) if plain else (False, True):
            for text in (_indented(value, ensure_ascii), _compact(value, ensure_ascii)):
                yield text.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return


def _depth(body: bytes) -> int:
    # Parsing deep nesting in a thread with a small stack ends the process, and this
    # body is anybody's. Up to where it stops being JSON, strings end where they seem to.
    deepest = depth = 0
    for sign in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _indented(value: object, ensure_ascii: bool) -> str:  # noqa: FBT001 - as json has it
    parts: list[str] = []
    length = 0
    for part in json.JSONEncoder(ensure_ascii=ensure_ascii, indent=2).iterencode(value):
        parts.append(part)
        length += len(part)
        # Deep nesting makes indentation grow with the square of the body's size.
        if length > _WRITTEN_CHARACTERS:
            raise ValueError("too long")
    return "".join(parts)


def _compact(value: object, ensure_ascii: bool) -> str:  # noqa: FBT001 - as json has it
    return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))


def _likely_cause(body: bytes, keys: Keys) -> Cause:
    if not body:
        return Cause(
            Diagnosis.BODY_ALTERED,
            "no signature matches, and the body is empty: probably something read the "
            "request's stream before",
        )
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return Cause(
            Diagnosis.BODY_ALTERED,
            "no signature matches, and the body is no whole JSON object: probably it was cut "
            "off or altered, or it does not come from Stripe",
        )
    if not any(key.secret.startswith(b"whsec_") for key in keys):
        return Cause(
            Diagnosis.SECRET_OF_ANOTHER_KIND,
            f"no signature matches {_names(keys)}, and no secret begins with whsec_: probably "
            "it is no signing secret of Stripe's",
        )
    if body.startswith(b'{"') and b'"v2.core.event"' not in body:
        return Cause(
            Diagnosis.BODY_RESERIALISED,
            f"no signature matches {_names(keys)}, and the body is not indented as Stripe "
            "sends it: probably it was parsed and written again; else the secret is wrong",
        )
    return Cause(
        Diagnosis.WRONG_SECRET,
        f"no signature matches {_names(keys)}: probably the delivery belongs to another "
        "endpoint's secret (test and live mode, Connect, and `stripe listen` each have "
        "their own); else the body was altered in a way that leaves no trace",
    )


def _names(keys: Keys) -> str:
    names = ", ".join(repr(key.name) for key in keys)
    return f"the secret {names}" if len(keys) == 1 else f"any of the secrets {names}"
