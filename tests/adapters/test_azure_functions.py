"""What Azure's triggers bring is handled, or comes again."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from azure.functions import AuthLevel, EventGridEvent, FunctionApp, HttpRequest, HttpResponse

from stripe_events import EventRouter
from stripe_events.adapters.azure_functions import (
    aevent_grid_handler,
    afunctions_handler,
    event_grid_handler,
    functions_handler,
)
from stripe_events.adapters.event_grid import event_grid
from stripe_events.errors import ProcessingError, UsageError
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import MemoryStore
from stripe_events.testing import AdapterRequest
from tests.adapters.azure_worker import answered, event_of, request_of
from tests.unit.both_ways import pass_through_async
from tests.unit.deliveries import encode, snapshot, thin
from tests.unit.test_envelope import event_grid as enveloped
from tests.unit.waiting import aio


def by_sync(router: EventRouter, event: Any) -> None:
    """Call the function as the worker does in a thread."""
    event_grid_handler(router)(event)


def by_async(router: EventRouter, event: Any) -> None:
    """Await the function."""
    aio(typing.cast("Any", aevent_grid_handler(router)(event)))


both = pytest.mark.parametrize("trigger", [by_sync, by_async])


@both
@pytest.mark.parametrize("event", [snapshot(), thin()])
def test_an_event_grid_trigger_runs_handlers(trigger: Any, event: Any) -> None:
    """Of a CloudEvent as the worker makes it, without any secret."""
    handled: list[str] = []
    router = EventRouter()
    router.on_any(name="any")(lambda event: handled.append(event.id))
    trigger(router, event_of(enveloped(event)))
    assert ["evt_1"] == handled


@both
def test_an_older_azure_functions_gives_the_same(trigger: Any) -> None:
    """Where CloudEvent is unknown, the event lies in an EventGridEvent without a type."""
    handled: list[str] = []
    router = EventRouter()
    router.on(ChargeSucceeded, name="any")(lambda event: handled.append(event.id))
    names = dict.fromkeys(["topic", "subject", "event_type", "data_version"], "")
    trigger(router, EventGridEvent(id="1", data=snapshot(), event_time=None, **names))
    assert ["evt_1"] == handled


@both
def test_a_failure_raises_so_that_the_event_comes_again(trigger: Any) -> None:
    """The error says which event and what became of it; the router has logged the rest."""
    router = EventRouter()

    @router.on_any(name="failing")
    def failing(_: object) -> None:
        raise ValueError

    with pytest.raises(ProcessingError, match="evt_1 was not handled: failed") as caught:
        trigger(router, event_of(enveloped(snapshot())))
    assert caught.value.__cause__ is None


@both
def test_an_answer_to_stripe_hides_no_failure(trigger: Any) -> None:
    """Nobody reads it here, so the event comes again for the handler that failed."""
    router = EventRouter()
    router.on_any(name="answering")(lambda _, ctx: ctx.respond({}, {}))
    router.on_any(name="failing")(lambda _: 1 / 0)
    with pytest.raises(ProcessingError):
        trigger(router, event_of(enveloped(snapshot())))


@both
@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"id": "1", "data": None},
        {"id": "1", "data": [snapshot()]},
        {"id": "1", "data": "text"},
        enveloped(snapshot(), source="/providers/else"),
        enveloped(snapshot(), type="charge.failed"),
        enveloped(snapshot(), data=None),
        enveloped(snapshot(), data=[]),
    ],
)
def test_what_is_no_event_raises_too(trigger: Any, envelope: Any) -> None:
    """So that it ends where somebody looks, with the dead letters."""
    with pytest.raises(ProcessingError, match="what came was not handled: malformed"):
        trigger(EventRouter(), event_of(envelope))


def test_what_a_function_could_never_serve_is_refused_when_it_is_made() -> None:
    """Such as async middleware, unless the function is awaited."""
    router = EventRouter("whsec_1")
    router.on_any(name="any")(print)
    router.middleware(pass_through_async)
    afunctions_handler(router)
    aevent_grid_handler(router)
    for make in (functions_handler, event_grid_handler):
        with pytest.raises(UsageError, match="async"):
            make(router)


def test_the_worker_can_read_the_types_of_the_functions() -> None:
    """It resolves them when it loads a function, and refuses what does not fit the trigger."""
    router = EventRouter("whsec_1")
    http = {"req": HttpRequest, "return": HttpResponse}
    grid = {"event": EventGridEvent, "return": type(None)}
    made = [functions_handler(router), afunctions_handler(router)]
    assert [http, http] == [typing.get_type_hints(function) for function in made]
    triggered = [event_grid_handler(router), aevent_grid_handler(router)]
    assert [grid, grid] == [typing.get_type_hints(function) for function in triggered]


def test_functions_are_registered_with_an_app() -> None:
    """In the form that the docstrings show."""
    router, app = EventRouter("whsec_1"), FunctionApp()
    app.route("stripe", auth_level=AuthLevel.ANONYMOUS)(functions_handler(router))
    app.event_grid_trigger(arg_name="event")(event_grid_handler(router))
    names = [function.get_function_name() for function in app.get_functions()]
    assert ["stripe_webhook", "stripe_event"] == names


def test_a_request_without_a_body_is_answered() -> None:
    """Where there was none, the body is None."""
    function = functions_handler(EventRouter("whsec_1"))
    none = typing.cast("Any", None)
    status, _, body = answered(function(HttpRequest("POST", "https://x/api/stripe", body=none)))
    assert (400, b'{"outcome":"signature_missing"}') == (status, body)


def test_a_body_that_is_not_all_there_is_refused() -> None:
    """As its Content-Length tells."""
    request = HttpRequest("POST", "https://x", headers={"Content-Length": "9"}, body=b"{}")
    status, _, body = answered(functions_handler(EventRouter("whsec_1"))(request))
    assert (400, b'{"outcome":"malformed"}') == (status, body)


def test_an_http_trigger_serves_event_grid_as_well() -> None:
    """An endpoint of another kind is served by the same function."""
    handled: list[str] = []
    router = EventRouter(store=MemoryStore())
    router.on_any(name="any")(lambda event: handled.append(event.id))
    function = functions_handler(event_grid(router, key="a key"))
    ask = AdapterRequest("OPTIONS", (("WebHook-Request-Origin", "eventgrid.azure.net"),), b"")
    status, headers, _ = answered(function(request_of(ask)))
    assert (200, "eventgrid.azure.net") == (status, headers["webhook-allowed-origin"])
    post = AdapterRequest("POST", (("X-Event-Grid-Key", "a key"),), encode(enveloped(snapshot())))
    assert (200, ["evt_1"]) == (answered(function(request_of(post)))[0], handled)
    router.close()
