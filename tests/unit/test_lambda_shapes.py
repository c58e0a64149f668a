"""What invokes a function for Lambda is told apart by several keys, and refused if unknown."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_events.adapters._lambda.shapes import (
    HTTP_SHAPES,
    EventSource,
    event_source_of,
    http_shape_of,
)
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.errors import ProcessingError
from stripe_events.observers import Rejected
from tests.unit.deliveries import encode, router, snapshot
from tests.unit.lambda_events import PROXIES, Context, event_bridge, message, rest, sns, sqs

SHAPES = {
    "rest": "API Gateway (REST, HTTP API 1.0)",
    "http_1": "API Gateway (REST, HTTP API 1.0)",
    "http_2": "HTTP API 2.0, function URL",
    "function_url": "HTTP API 2.0, function URL",
    "alb": "ALB",
    "alb_multi_value": "ALB",
    "lattice_1": "VPC Lattice 1.0",
    "lattice_2": "VPC Lattice 2.0",
}


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_request_has_one_shape(proxy: str) -> None:
    """No other shape fits, and it is never taken for an event that is trusted."""
    event = PROXIES[proxy]("POST", [("Host", "x")], b"{}")
    assert [SHAPES[proxy]] == [shape.name for shape in HTTP_SHAPES if shape.fits(event)]
    shape = http_shape_of(event)
    assert shape is not None
    assert SHAPES[proxy] == shape.name
    assert event_source_of(event) is None


@pytest.mark.parametrize(
    ("event", "source"),
    [
        (event_bridge(snapshot()), EventSource.EVENTBRIDGE),
        (sqs(snapshot(), snapshot()), EventSource.SQS),
        (sns(snapshot()), EventSource.SNS),
    ],
)
def test_an_event_of_a_bus_has_one_source(event: Any, source: EventSource) -> None:
    """And is no request."""
    assert (None, source) == (http_shape_of(event), event_source_of(event))


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize(
    "planted",
    [event_bridge(snapshot()), sqs(snapshot()), sns(snapshot())],
    ids=["eb", "sqs", "sns"],
)
def test_a_request_with_the_keys_of_a_bus_is_not_trusted(proxy: str, planted: Any) -> None:
    """Whatever a proxy lets through: an event that looks like a request is never believed."""
    event = PROXIES[proxy]("POST", [], b"{}")
    for mixed in ({**event, **planted}, {**planted, **event}):
        assert (None, None) == (http_shape_of(mixed), event_source_of(mixed))


def kinesis(**record: Any) -> dict[str, Any]:
    """Give records of a stream."""
    return {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}, **record}]}


WEBSOCKET = rest("POST", [], b"{}")
WEBSOCKET["requestContext"]["connectionId"] = "connection"
AUTHORIZER_1 = {**rest("POST", [], b""), "type": "REQUEST", "methodArn": "arn:aws:execute-api"}
AUTHORIZER_2 = {**PROXIES["http_2"]("POST", [], b""), "type": "REQUEST", "routeArn": "arn"}

FOREIGN_REQUESTS = {
    "WebSocket": WEBSOCKET,
    "authorizer 1.0": AUTHORIZER_1,
    "authorizer 2.0": AUTHORIZER_2,
    "no method": {**rest("POST", [], b""), "httpMethod": None},
    "a method that is no text": {**rest("POST", [], b""), "httpMethod": 5},
    "another version": {**PROXIES["http_2"]("POST", [], b""), "version": "3.0"},
    "the version of another": {**rest("POST", [], b""), "version": "2.0"},
    "empty context": {"requestContext": {}},
    "context of a list": {"requestContext": [], "httpMethod": "POST"},
    "Lattice without headers": {"raw_path": "/", "method": "POST"},
}
FOREIGN_INVOCATIONS: dict[str, Any] = {
    "None": None,
    "list": [event_bridge(snapshot())],
    "text": "text",
    "number": 5,
    "empty": {},
    "a direct invocation": snapshot(),
    "Kinesis": kinesis(),
    "Lambda@Edge": {"Records": [{"cf": {"config": {}, "request": {"uri": "/"}}}]},
    "no records": {"Records": []},
    "records of another type": {"Records": {"eventSource": "aws:sqs"}},
    "records that are none": {"Records": ["eventSource", None]},
    "records of two sources": {"Records": [message(0, {}), *kinesis()["Records"]]},
    "the key of the other": {"Records": [{"EventSource": "aws:sqs"}]},
    "EventBridge and SQS": {**event_bridge(snapshot()), **sqs(snapshot())},
    "half of EventBridge": {"detail-type": "charge.succeeded", "detail": snapshot()},
}


@pytest.mark.parametrize("event", FOREIGN_REQUESTS.values(), ids=FOREIGN_REQUESTS)
def test_a_request_of_another_shape_is_malformed(
    event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits for an answer in the form of HTTP gets one; the log says what was seen."""
    told: list[Any] = []
    to = router()
    to.observe(Rejected)(told.append)
    answer = lambda_handler(to)(event, None)
    assert answer is not None
    assert (400, '{"outcome":"malformed"}') == (answer["statusCode"], answer["body"])
    assert "invoked by what it does not serve: the event has the keys '" in caplog.text
    assert 1 == len(told)


@pytest.mark.parametrize("event", FOREIGN_INVOCATIONS.values(), ids=FOREIGN_INVOCATIONS)
def test_any_other_invocation_fails(event: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Lambda tries again and keeps the dead letter; log and error say what is served."""
    with pytest.raises(ProcessingError, match=r"served are ALB, .*EventBridge, SQS, SNS"):
        lambda_handler(router())(event, Context(60))
    assert "served are ALB, " in caplog.text


def test_a_complaint_shows_keys_only(caplog: pytest.LogCaptureFixture) -> None:
    """The keys of what is inside help to see what it was; no value is shown, and not too much."""
    event = kinesis(data="private")
    event |= {"private": "private"} | {f"a_key_like_{n}": "private" for n in range(1_000)}
    with pytest.raises(ProcessingError) as caught:
        lambda_handler(router())({"x" * 1000: 1, "tell": "hidden", **kinesis(a="hidden")}, None)
    said = str(caught.value)
    assert "'tell', 'Records', 'Records[0].eventSource', 'Records[0].kinesis'" in said
    assert "hidden" not in said + caplog.text
    assert "x" * 40 not in said
    with pytest.raises(ProcessingError) as caught:
        lambda_handler(router())(event, None)
    assert len(str(caught.value)) < 2_000


PLACES = ["httpMethod", "method", "path", "resource", "rawPath", "raw_path", "version"]
OBJECTS = ["requestContext", "headers", "multiValueHeaders", "Records", "detail", "Sns"]
REST = ["body", "isBase64Encoded", "is_base64_encoded", "detail-type", "source", "id", "routeKey"]
TEXTS = st.sampled_from(["POST", "GET", "2.0", "1.0", "0", "e30=", "aws:sqs", "aws:sns", "\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*PLACES, *OBJECTS, *REST, "http", "elb", "eventSource", "EventSource"])
            | st.text(max_size=5),
            inner,
            max_size=8,
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from([*PLACES, *OBJECTS, *REST]), VALUES) | VALUES)
def test_any_event_has_a_defined_end(event: Any) -> None:
    """A response, the failures of a batch, or the one error; and never a handled event."""
    to = router()
    handled: list[Any] = []
    to.on_any(name="any")(handled.append)
    logging.getLogger("stripe_events").disabled = True
    try:
        answer = lambda_handler(to)(event, None)
    except ProcessingError:
        answer = None
    finally:
        logging.getLogger("stripe_events").disabled = False
    assert answer is None or {"statusCode", "batchItemFailures"} & answer.keys()
    assert [] == handled


@given(st.data())
def test_a_request_with_anything_in_it_is_answered(data: st.DataObject) -> None:
    """Wherever a proxy or a stranger puts something odd, there is a response."""
    made = PROXIES[data.draw(st.sampled_from(sorted(PROXIES)))]
    event = made("POST", [("Stripe-Signature", "t=1,v1=0")], encode(snapshot()))
    for key in data.draw(st.lists(st.sampled_from(sorted(event)), min_size=1, max_size=3)):
        event[key] = data.draw(VALUES)
    logging.getLogger("stripe_events").disabled = True
    try:
        answer = lambda_handler(router())(event, None)
    finally:
        logging.getLogger("stripe_events").disabled = False
    assert answer is not None
    assert answer["statusCode"] in {400, 405, 413}
