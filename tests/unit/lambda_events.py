"""Events as Lambda brings them from each source, made up in code; every call gives a new one."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from tests.unit.deliveries import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Pairs = Iterable[tuple[str, str]]

__all__ = [
    "PROXIES",
    "Context",
    "alb",
    "alb_multi_value",
    "event_bridge",
    "function_url",
    "http_1",
    "http_2",
    "lattice_1",
    "lattice_2",
    "message",
    "notification",
    "rest",
    "sns",
    "sqs",
]


class Context:
    """What Lambda gives beside the event, as far as it is looked at."""

    def __init__(self, *seconds: float) -> None:
        """Take what is left whenever it is asked; the last stays."""
        self._seconds = list(seconds)

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until the invocation is ended."""
        left = self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]
        return round(left * 1000)


def _lists(headers: Pairs) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in headers:
        lists.setdefault(name, []).append(value)
    return lists


def _joined(headers: Pairs) -> dict[str, str]:
    pairs = [(name.lower(), value) for name, value in headers]
    return {name: ",".join(values) for name, values in _lists(pairs).items()}


def _text(body: bytes, key: str = "isBase64Encoded") -> dict[str, Any]:
    try:
        return {"body": body.decode(), key: False}
    except UnicodeDecodeError:
        return {"body": b64encode(body).decode(), key: True}


def rest(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through a REST API of API Gateway."""
    return {
        "resource": "/stripe",
        "path": "/stripe",
        "httpMethod": method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _lists(headers) or None,
        "queryStringParameters": None,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "api1",
            "httpMethod": method,
            "path": "/prod/stripe",
            "resourcePath": "/stripe",
            "stage": "prod",
        },
        **(_text(body) if body else {"body": None, "isBase64Encoded": False}),
    }


def http_1(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through an HTTP API of API Gateway, payload version 1.0."""
    return {"version": "1.0", **rest(method, headers, body)}


def http_2(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through an HTTP API of API Gateway, payload version 2.0."""
    return {
        "version": "2.0",
        "routeKey": "POST /stripe",
        "rawPath": "/stripe",
        "rawQueryString": "",
        "headers": _joined(headers),
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "api1",
            "domainName": "api1.execute-api.eu-central-1.amazonaws.com",
            "http": {"method": method, "path": "/stripe", "protocol": "HTTP/1.1"},
            "routeKey": "POST /stripe",
            "stage": "$default",
        },
        **(_text(body) if body else {"isBase64Encoded": False}),
    }


def function_url(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request to the URL of a function."""
    event = http_2(method, headers, body)
    event["requestContext"]["domainName"] = "url1.lambda-url.eu-central-1.on.aws"
    return {**event, "routeKey": "$default"}


def alb(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through a load balancer; of a header that is repeated the last one counts."""
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": method,
        "path": "/stripe",
        "queryStringParameters": {},
        "headers": {name.lower(): value for name, value in headers},
        **_text(body),
    }


def alb_multi_value(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through a load balancer whose target group has multi-value headers."""
    event = alb(method, (), body)
    del event["headers"]
    return {**event, "multiValueHeaders": _lists((name.lower(), value) for name, value in headers)}


def lattice_1(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through VPC Lattice, version 1.0 of its events."""
    return {
        "raw_path": "/stripe",
        "method": method,
        "headers": _joined(headers),
        "query_string_parameters": {},
        **_text(body, "is_base64_encoded"),
    }


def lattice_2(method: str, headers: Pairs, body: bytes) -> dict[str, Any]:
    """Give a request through VPC Lattice, version 2.0 of its events."""
    return {
        "version": "2.0",
        "path": "/stripe",
        "method": method,
        "headers": _lists((name.lower(), value) for name, value in headers),
        "queryStringParameters": {},
        **_text(body),
        "requestContext": {
            "serviceNetworkArn": "arn:aws:vpc-lattice:x",
            "serviceArn": "arn:aws:vpc-lattice:y",
            "targetGroupArn": "arn:aws:vpc-lattice:z",
            "region": "eu-central-1",
            "timeEpoch": str(NOW * 1_000_000),
        },
    }


PROXIES: dict[str, Callable[..., dict[str, Any]]] = {
    made.__name__: made
    for made in (rest, http_1, http_2, function_url, alb, alb_multi_value, lattice_1, lattice_2)
}


def event_bridge(event: Any, **fields: Any) -> dict[str, Any]:
    """Give an event as Stripe sends it to EventBridge."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": event["type"],
        "source": "aws.partner/stripe.com/ed_test_1",
        "account": "111122223333",
        "time": "2025-10-09T08:53:20Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": event,
        **fields,
    }


def notification(content: Any, **fields: Any) -> dict[str, Any]:
    """Give what SNS makes of what is published; content that is no text is written as JSON."""
    return {
        "Type": "Notification",
        "MessageId": "d88d4479-6ec0-54fe-b63f-1cf9df4bb16e",
        "TopicArn": "arn:aws:sns:eu-central-1:111122223333:stripe",
        "Message": content if isinstance(content, str) else json.dumps(content),
        "Timestamp": "2025-10-09T08:53:20.000Z",
        "SignatureVersion": "1",
        "Signature": "c2lnbmF0dXJl",
        **fields,
    }


def sns(*contents: Any) -> dict[str, Any]:
    """Give notifications as SNS brings them."""
    records = [
        {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": "arn:aws:sns:eu-central-1:111122223333:stripe:1",
            "Sns": notification(content),
        }
        for content in contents
    ]
    return {"Records": records}


def message(number: int, content: Any, *, queue: str = "stripe", **fields: Any) -> dict[str, Any]:
    """Give a message of an SQS queue; content that is no text is written as JSON."""
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": content if isinstance(content, str) else json.dumps(content),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:111122223333:{queue}",
        "awsRegion": "eu-central-1",
        **fields,
    }


def sqs(*contents: Any, queue: str = "stripe") -> dict[str, Any]:
    """Give a batch of messages, numbered from 0."""
    return {"Records": [message(n, content, queue=queue) for n, content in enumerate(contents)]}
