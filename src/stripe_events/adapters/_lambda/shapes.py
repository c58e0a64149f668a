"""
Tell apart what invokes a Lambda function: by several keys of its event, never by one.

- https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
- https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
- https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
- https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
- https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html (and with-sns.html)
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = [
    "HTTP_SHAPES",
    "EventSource",
    "HttpShape",
    "event_source_of",
    "http_shape_of",
    "is_http_like",
    "is_object",
    "records_of",
    "value_at",
]


class HttpShape(NamedTuple):
    """
    What the events of one source of HTTP requests have; a path is keys with dots between.

    Attributes:
        name: of the source, for people.
        versions: which values of ``version`` there may be; None is none.
        method: the path of the request's method, which is always text.
        others: paths of what else is always there.
    """

    name: str
    versions: tuple[str | None, ...]
    method: str
    others: tuple[str, ...]

    def fits(self, event: dict[str, Any]) -> bool:
        """Tell whether an event has this shape."""
        return (
            event.get("version") in self.versions
            and isinstance(value_at(event, self.method), str)
            and all(value_at(event, path) is not None for path in self.others)
        )


class EventSource(Enum):
    """Where events come from that nobody has signed, by the names that people know."""

    EVENTBRIDGE = "EventBridge"
    SQS = "SQS"
    SNS = "SNS"


HTTP_SHAPES: Final = (
    HttpShape("ALB", (None,), "httpMethod", ("path", "requestContext.elb")),
    HttpShape(
        "API Gateway (REST, HTTP API 1.0)",
        (None, "1.0"),
        "httpMethod",
        ("path", "resource", "requestContext"),
    ),
    HttpShape(
        "HTTP API 2.0, function URL",
        ("2.0",),
        "requestContext.http.method",
        ("rawPath", "routeKey"),
    ),
    HttpShape("VPC Lattice 1.0", (None,), "method", ("raw_path", "headers")),
    HttpShape("VPC Lattice 2.0", ("2.0",), "method", ("path", "requestContext.serviceArn")),
)

_NO_REQUEST: Final = (
    "requestContext.connectionId",  # of a WebSocket
    "methodArn",  # asks an authorizer, version 1.0
    "routeArn",  # and version 2.0
    "Records",
    "detail-type",
)

_RECORDS: Final = (
    ("eventSource", "aws:sqs", EventSource.SQS),
    ("EventSource", "aws:sns", EventSource.SNS),  # spelt so
)


def http_shape_of(event: object) -> HttpShape | None:
    """Give the shape of a proxied HTTP request, or None if the event is none."""
    if not is_object(event) or any(value_at(event, path) is not None for path in _NO_REQUEST):
        return None
    return next((shape for shape in HTTP_SHAPES if shape.fits(event)), None)


def event_source_of(event: object) -> EventSource | None:
    """Give where an event comes from that is no request, or None if nobody is known."""
    if not is_object(event) or is_http_like(event):
        return None
    records = records_of(event)
    found = [
        source
        for key, value, source in _RECORDS
        if records and all(is_object(one) and one.get(key) == value for one in records)
    ]
    if {"version", "id", "source", "detail-type", "detail"} <= event.keys():
        found.append(EventSource.EVENTBRIDGE)
    return found[0] if len(found) == 1 else None


def is_http_like(event: object) -> bool:
    """Tell whether somebody waits for an answer in the form of HTTP, whatever the rest is."""
    return is_object(event) and not event.keys().isdisjoint(
        {"requestContext", "httpMethod", "raw_path"}
    )


def value_at(event: dict[str, Any], path: str) -> Any:
    """Give what is found at a path, or None where there is nothing."""
    value: Any = event
    for key in path.split("."):
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return value


def records_of(event: dict[str, Any]) -> list[object]:
    """Give the records in an event, whatever they are; none where there is no list of them."""
    records = event.get("Records")
    return cast("list[object]", records) if isinstance(records, list) else []


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value is an object of JSON."""
    return isinstance(value, dict)
