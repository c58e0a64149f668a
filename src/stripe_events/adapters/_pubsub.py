"""
What Google Pub/Sub posts to push subscriptions, and what its messages hold.

https://cloud.google.com/pubsub/docs/push
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from stripe_events import _payload
from stripe_events._messages import find_header
from stripe_events._verification import Verification
from stripe_events.errors import InvalidSignature, MalformedPayload, MissingSignature

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._messages import Headers
    from stripe_events.adapters._bus import Opened

__all__ = ["BearerToken", "unpack", "unpack_message"]


class BearerToken:
    """
    Accept requests whose bearer token is authorised: a verifier.

    Args:
        authorize: tells of a token, with True and nothing else, that it is right.
    """

    blocking: bool = True  # whoever checks a token fetches the keys of its issuer

    def __init__(self, authorize: Callable[[str], bool]) -> None:
        """Keep the callable."""
        self._authorize = authorize

    def verify(self, body: bytes, headers: Headers) -> Verification:  # noqa: ARG002
        """
        Show the token to ``authorize``.

        Raises:
            MissingSignature: there is no bearer token.
            InvalidSignature: ``authorize`` raised, or did not say True.
        """
        scheme, _, token = (find_header(headers, "authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise MissingSignature(
                "the request has no bearer token: let the push subscription authenticate"
            )
        if complaint := self._complaint_about(token.strip()):
            # Not in an except block: what is caught there may quote the token.
            raise InvalidSignature(complaint)
        return Verification(None, None)

    def _complaint_about(self, token: str) -> str | None:
        try:
            is_right = self._authorize(token)
        except Exception as error:  # noqa: BLE001 - whatever its library raises
            return f"authorize() raised {type(error).__name__}"
        # A claim or an unawaited coroutine is true, and tells nothing.
        return None if is_right is True else "authorize() did not say True"


def unpack(body: bytes) -> Opened:
    """
    Give the payload in the body of a push.

    Raises:
        MalformedPayload: there is none.
    """
    return unpack_message(_payload.load(body))


def unpack_message(envelope: Any) -> Opened:
    """
    Give the data of the message in an object that Pub/Sub sends, as the publisher wrote it.

    Raises:
        MalformedPayload: it holds no message, or one without data in base64.
    """
    match envelope:
        case {"message": {"data": str(data)}}:
            return [_decoded(data)]
        case _:
            raise MalformedPayload("there is no Pub/Sub message with data")


def _decoded(data: str) -> bytes:
    try:
        return b64decode(data, validate=True)
    except ValueError:
        raise MalformedPayload("the data of the Pub/Sub message is not base64") from None
