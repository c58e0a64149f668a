"""
From the bytes of a body to JSON, or one MalformedPayload.

Bytes come from outside, so nothing else may be raised: not for invalid UTF-8,
NaN, numbers of 5,000 digits or 100,000 brackets (how deep is too deep is the
interpreter's JSON parser's to say: about 1,000 levels or more). Duplicate keys
are legal JSON; the last one wins, as in every SDK of Stripe's.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, cast

from stripe_events.errors import MalformedPayload

_BOM = b"\xef\xbb\xbf"
_WHITESPACE = " \t\n\r"  # JSON's; str.strip() alone takes more


def load(body: bytes) -> dict[str, Any]:
    """
    Parse a body that must hold one JSON object.

    Raises:
        MalformedPayload: with the reason, never with the body's text.
    """
    payload = load_any(body)
    if type(payload) is not dict:
        raise MalformedPayload("the body is JSON, but not an object")
    return cast("dict[str, Any]", payload)


def load_any(body: bytes) -> Any:
    """
    Parse a body that must hold JSON, such as a batch of objects.

    Raises:
        MalformedPayload: with the reason, never with the body's text.
    """
    payload: Any = None
    complaint = ""
    try:
        text = body.removeprefix(_BOM).decode("utf-8").strip(_WHITESPACE)
        payload, end = _DECODER.raw_decode(text)
        if end < len(text):
            payload = _DECODER.decode(text)  # raises, and says where the rest begins
    except UnicodeDecodeError:
        complaint = "the body is not UTF-8"
    except json.JSONDecodeError as error:
        complaint = f"the body is not JSON: {error.msg}, at character {error.pos}"
    except RecursionError:
        complaint = "the body is nested too deeply"
    except ValueError:
        complaint = "the body holds a number that cannot be read"
    if complaint:
        # Not in an except block: what is caught there holds the whole body.
        raise MalformedPayload(complaint)
    return payload


def _no_constant(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError  # 1e999 is JSON, but no float
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
