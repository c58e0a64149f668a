"""HTTP as Lambda's sources bring it: what is in a request, and the form of an answer."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, cast

from stripe_events.adapters._lambda.shapes import value_at
from stripe_events.errors import MalformedPayload

if TYPE_CHECKING:
    from stripe_events._messages import Headers, WebhookResponse
    from stripe_events.adapters._endpoint import Endpoint
    from stripe_events.adapters._lambda.time import TimeLeft

__all__ = ["answer_request", "formed"]


def answer_request(
    endpoint: Endpoint, event: dict[str, Any], method: str, time: TimeLeft
) -> dict[str, Any]:
    """
    Answer a signed request.

    Raises:
        UsageError: what ``EventRouter.handle`` raises.
    """
    return formed(event, _respond(endpoint, event, method, time), is_head=method == "HEAD")


def formed(
    event: dict[str, Any], response: WebhookResponse, *, is_head: bool = False
) -> dict[str, Any]:
    """Give an answer in the form that the source of the event takes, which adds the length."""
    headers: dict[str, Any] = response.headers
    del headers["content-length"]
    answer = {
        "statusCode": response.status,
        "headers": headers,
        "body": "" if is_head else response.body.decode(),
        "isBase64Encoded": False,
    }
    if event.get("multiValueHeaders") and not event.get("headers"):  # so does ALB want it back
        answer["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
        del answer["headers"]
    if value_at(event, "requestContext.elb") is not None:
        from http import HTTPStatus

        answer["statusDescription"] = f"{response.status} {HTTPStatus(response.status).phrase}"
    return answer


def _respond(
    endpoint: Endpoint, event: dict[str, Any], method: str, time: TimeLeft
) -> WebhookResponse:
    try:
        headers = _headers(event)
        response = endpoint.unread(method, headers)
        body = _body(event) if response is None else b""
    except MalformedPayload as error:
        return endpoint.router.reject(error)
    return response or endpoint.router.handle(body, headers, **time.limits())


def _headers(event: dict[str, Any]) -> Headers:
    # Of two forms only this one keeps what is repeated; either may be null.
    headers: object = event.get("multiValueHeaders") or event.get("headers") or {}
    if not isinstance(headers, dict):
        raise MalformedPayload("the headers in the event are no object")
    return cast("dict[str, Any]", headers)


def _body(event: dict[str, Any]) -> str | bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedPayload("the body in the event is no text")
    if not (event.get("isBase64Encoded") or event.get("is_base64_encoded")):
        return body
    try:
        return b64decode(body, validate=True)
    except ValueError:
        raise MalformedPayload("the body in the event is said to be base64, and is not") from None
