"""What Azure Event Grid posts: who is believed, what a batch becomes, and the handshakes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_events import EventRouter
from stripe_events.adapters import Endpoint
from stripe_events.adapters.event_grid import event_grid
from stripe_events.errors import ConfigurationError, UsageError
from stripe_events.observers import Rejected
from stripe_events.storage import MemoryStore
from tests.unit.both_ways import pass_through_async
from tests.unit.deliveries import encode, snapshot, thin
from tests.unit.test_envelope import event_grid as enveloped
from tests.unit.waiting import aio, closed_in_the_end

if TYPE_CHECKING:
    from stripe_events import AnyEvent, WebhookResponse

KEY = "a long random key"
HEADERS = {"X-Event-Grid-Key": KEY}


def by_handle(endpoint: Endpoint, body: bytes, headers: Any) -> WebhookResponse:
    """Post in this thread."""
    return endpoint.unread("POST", headers) or endpoint.handle(body, headers)


def by_ahandle(endpoint: Endpoint, body: bytes, headers: Any) -> WebhookResponse:
    """Post on an event loop."""
    response: WebhookResponse = aio(endpoint.ahandle(body, headers))
    return endpoint.unread("POST", headers) or response


both = pytest.mark.parametrize("post", [by_handle, by_ahandle])


class Service:
    """An endpoint for Event Grid whose router writes down what it handles."""

    def __init__(self, **options: Any) -> None:
        """Make the router, without secrets."""
        self.router = closed_in_the_end(EventRouter(**options))
        self.endpoint = event_grid(self.router, key=KEY)
        self.handled: list[str] = []
        self.rejected: list[str] = []
        self.router.on_any(name="any")(lambda event: self.handled.append(event.id))
        self.router.observe(Rejected)(lambda record: self.rejected.append(str(record.error)))


def event(id_: str = "evt_1", **fields: Any) -> dict[str, Any]:
    """Give an event as Event Grid posts it."""
    return enveloped(snapshot(id=id_), **fields)


@both
@pytest.mark.parametrize(
    "content", [event(), [event()], [enveloped(thin())], enveloped(thin()), [snapshot()]]
)
def test_one_event_is_handled(post: Any, content: object) -> None:
    """Alone or as a batch of one, which is how most of them come."""
    service = Service()
    response = post(service.endpoint, encode(content), HEADERS)
    assert (200, "handled", "evt_1") == (response.status, response.outcome, response.event_id)
    assert ["evt_1"] == service.handled


@both
def test_all_events_of_a_batch_are_handled_in_order(post: Any) -> None:
    """And one answer tells of all of them."""
    service = Service()
    ids = [f"evt_{number}" for number in range(5)]
    assert 200 == post(service.endpoint, encode([event(id_) for id_ in ids]), HEADERS).status
    assert ids == service.handled


@both
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Event-Grid-Key": ""},
        {"X-Event-Grid-Key": "wrong"},
        {"X-Event-Grid-Key": KEY.upper()},
        {"X-Event-Grid-Key": f"{KEY}é\udcff"},
        {"X-Event-Grid-Key": [KEY, KEY]},
        {"Stripe-Signature": KEY},
    ],
)
def test_whoever_does_not_show_the_key_is_refused(post: Any, headers: Any) -> None:
    """Nothing is handled or read; the operator is told, the sender is not."""
    service = Service()
    for body in (encode(event()), b"no JSON", encode([validation()])):
        response = post(service.endpoint, body, headers)
        assert 400 == response.status
        assert response.outcome in {"signature_missing", "signature_invalid"}
    assert [] == service.handled
    assert 3 == len(service.rejected)
    assert all("'x-event-grid-key' header" in told for told in service.rejected)
    assert KEY not in "".join(service.rejected)


@both
def test_one_of_several_keys_is_enough(post: Any) -> None:
    """So that a key can be changed while events come."""
    router = EventRouter()
    endpoint = event_grid(router, key=["old", "new"], header="X-Key")
    statuses = [
        post(endpoint, encode(event()), {"x-key": key}).status for key in ("old", "new", "other")
    ]
    assert [200, 200, 400] == statuses


@pytest.mark.parametrize("key", ["", "  ", [], [""], ["good", "\n"], None, ["good", None], "é", 5])
def test_a_key_that_protects_nothing_is_refused_at_once(key: Any) -> None:
    """As an environment variable gives it that is blank or not set."""
    with pytest.raises(ConfigurationError, match=r"event_grid\(key=...\): "):
        event_grid(EventRouter(), key=key)


@both
def test_what_is_no_event_keeps_no_neighbour_from_being_handled(post: Any) -> None:
    """Each is refused alone; 400 gives the batch to the dead letters."""
    service = Service()
    batch = [event("evt_1"), 5, None, [event()], {}, event(source="/else"), event("evt_2")]
    response = post(service.endpoint, encode(batch), HEADERS)
    assert (400, "malformed") == (response.status, response.outcome)
    assert ["evt_1", "evt_2"] == service.handled
    assert 5 == len(service.rejected)


@both
def test_a_failure_outweighs_what_is_no_event(post: Any) -> None:
    """Answered 400, Event Grid would send nothing again, and the failed one be lost."""
    service = Service()
    service.router.on_any(name="failing", where=lambda event: event.id == "evt_1")(lambda _: 1 / 0)
    batch = [{}, event("evt_1"), {}, event("evt_2")]
    response = post(service.endpoint, encode(batch), HEADERS)
    assert (500, "failed", "evt_1") == (response.status, response.outcome, response.event_id)
    assert ["evt_1", "evt_2"] == service.handled


@both
def test_of_a_batch_that_comes_again_only_the_rest_is_done(post: Any) -> None:
    """The store knows what was done."""
    service = Service(store=MemoryStore())
    fails = ["evt_2"]

    @service.router.on_any(name="failing")
    def failing(event: AnyEvent) -> None:
        if event.id in fails:
            fails.clear()
            raise ValueError

    body = encode([event("evt_1"), event("evt_2")])
    assert [500, 200] == [post(service.endpoint, body, HEADERS).status for _ in range(2)]
    assert ["evt_1", "evt_2"] == service.handled


@both
def test_an_answer_to_stripe_is_given_to_nobody_else(post: Any) -> None:
    """It hides no failure, and none of its headers go to Azure."""
    service = Service()
    service.router.on_any(name="answering")(lambda _, ctx: ctx.respond({}, {"X-A": "b"}))
    answered = post(service.endpoint, encode(event()), HEADERS)
    service = Service()
    service.router.on_any(name="answering")(lambda _, ctx: ctx.respond({}, {"X-A": "b"}))
    service.router.on_any(name="failing", where=lambda event: event.id == "evt_2")(lambda _: 1 / 0)
    failed = post(service.endpoint, encode([event("evt_1"), event("evt_2")]), HEADERS)
    assert (200, 500) == (answered.status, failed.status)
    assert "x-a" not in answered.headers


@both
def test_a_closed_router_is_answered_503(post: Any) -> None:
    """The batch comes again."""
    service = Service()
    service.router.close()
    assert 503 == post(service.endpoint, encode([event(), {}]), HEADERS).status


@both
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"[", "not JSON"),
        (b"[]", "the batch is empty"),
        (b"5", "not an object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[NaN]", "a number"),
    ],
)
def test_a_body_without_events_is_malformed(post: Any, body: bytes, why: str) -> None:
    """Whatever it is."""
    service = Service()
    response = post(service.endpoint, body, HEADERS)
    assert (400, "malformed") == (response.status, response.outcome)
    assert why in service.rejected[0]


@both
def test_a_body_that_is_too_long_is_refused(post: Any) -> None:
    """Announced or not, and before the key is looked at."""
    service = Service(max_body_bytes=10)
    announced = {**HEADERS, "Content-Length": "11"}
    statuses = [post(service.endpoint, b"1" * 11, given).status for given in (HEADERS, announced)]
    assert [413, 413] == statuses


_NAMES = st.sampled_from(
    ["specversion", "source", "type", "data", "id", "object", "eventType", "detail", "Type"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(body=st.binary(max_size=30) | _JSON.map(encode))
def test_any_body_has_an_outcome(body: bytes) -> None:
    """Nothing raises because of what comes in."""
    response = by_handle(Service().endpoint, body, HEADERS)
    assert response.outcome in {"handled", "malformed"}


def test_the_handshake_is_answered() -> None:
    """Event Grid asks, before it sends any event, whether it may."""
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    response = Service().endpoint.unread("OPTIONS", headers)
    assert response is not None
    assert (200, b"") == (response.status, response.body)
    told = response.headers
    assert "eventgrid.azure.net" == told["webhook-allowed-origin"]
    assert ("*", "POST") == (told["webhook-allowed-rate"], told["allow"])


@pytest.mark.parametrize("origin", [None, "", "a\r\nSet-Cookie: b", "é"])
def test_no_other_question_is_answered(origin: str | None) -> None:
    """Such as one of a browser, or one whose origin cannot be repeated."""
    headers = {} if origin is None else {"webhook-request-origin": origin}
    response = Service().endpoint.unread("OPTIONS", headers)
    assert response is not None
    assert (405, "POST") == (response.status, response.headers["allow"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_refused(method: str) -> None:
    """Also with the headers of a handshake."""
    headers = {**HEADERS, "WebHook-Request-Origin": "eventgrid.azure.net"}
    response = Service().endpoint.unread(method, headers)
    assert response is not None
    assert (405, "POST") == (response.status, response.headers["allow"])


def validation(**data: Any) -> dict[str, Any]:
    """Give the event by which Event Grid validates a subscription in its own schema."""
    return {
        "id": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "4711-é", **data},
    }


@both
def test_a_validation_event_is_answered_with_its_code(post: Any) -> None:
    """That is the handshake of the other schema."""
    response = post(Service().endpoint, encode([validation()]), HEADERS)
    assert (200, {"validationResponse": "4711-é"}) == (response.status, json.loads(response.body))


@both
@pytest.mark.parametrize("content", [[validation(validationCode=5)], [validation(), event()]])
def test_what_only_looks_like_one_is_no_event(post: Any, content: object) -> None:
    """It comes alone, and its code is text."""
    assert 400 == post(Service().endpoint, encode(content), HEADERS).status


def test_a_router_that_cannot_serve_is_refused_when_the_adapter_is_made() -> None:
    """Without secrets is fine here; async middleware under a sync adapter is not."""
    router = EventRouter()
    endpoint = event_grid(router, key=KEY)
    assert endpoint is Endpoint.of(endpoint)
    router.on_any(name="any")(print)
    router.middleware(pass_through_async)
    assert endpoint is Endpoint.of(endpoint, is_async=True)
    with pytest.raises(UsageError, match="async"):
        Endpoint.of(endpoint)


def test_an_endpoint_needs_no_package_of_a_cloud() -> None:
    """Whoever serves Event Grid or Pub/Sub in a web framework need not install one."""
    code = (
        "import sys\n"
        "from stripe_events import EventRouter\n"
        "from stripe_events.adapters.event_grid import event_grid\n"
        "from stripe_events.adapters.pubsub import pubsub_push\n"
        "event_grid(EventRouter(), key='a key'), pubsub_push(EventRouter(), authorize=bool)\n"
        "print({'azure', 'flask', 'asyncio'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()\n" == run.stdout
