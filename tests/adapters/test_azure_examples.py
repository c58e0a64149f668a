"""The examples for Azure: Event Grid over real sockets, functions as the worker calls them."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.testing import AdapterRequest, sign
from tests.adapters.azure_worker import answered, event_of, request_of
from tests.system.example_server import EXAMPLES, SECRET, charge, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.example_server import Server

KEY = {"X-Event-Grid-Key": "a long random key"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give uvicorn with the example for Event Grid."""
    folder = tmp_path_factory.mktemp("event_grid")
    key = {"EVENT_GRID_KEY": KEY["X-Event-Grid-Key"]}
    with started("-m uvicorn --port 0 event_grid:app", folder, **key) as running:
        yield running
        assert "Traceback" not in "".join(running.printed)


def envelope(body: bytes) -> dict[str, Any]:
    """Give a charge as Event Grid posts it."""
    return {
        "specversion": "1.0",
        "type": "charge.succeeded",
        "source": "/providers/stripe/ed_test_1",
        "id": "6a7e8feb",
        "data": json.loads(body),
    }


@pytest.mark.parametrize("path", ["/stripe", "/stripe/"])
def test_the_example_handles_a_batch_of_event_grid(server: Server, path: str) -> None:
    """Each event in it, and a second time none."""
    charges = [charge() for _ in range(3)]
    batch = json.dumps([envelope(body) for body, _, _ in charges]).encode()
    headers = {**KEY, "Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
    first = server.request("POST", batch, headers, path)
    assert (200, "handled") == (first.status, first.json["outcome"])
    for _, _, line in charges:
        server.wait_for(f"^{line}$")
    assert "duplicate" == server.request("POST", batch, headers, path).json["outcome"]


def test_the_example_answers_the_handshake(server: Server) -> None:
    """Before a subscription is made."""
    answer = server.request("OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert (200, b"") == (answer.status, answer.body)
    assert "eventgrid.azure.net" == answer.headers["webhook-allowed-origin"]


def test_the_example_refuses_who_has_no_key(server: Server) -> None:
    """Though the event is a good one, or even signed."""
    body, _, _ = charge()
    event = json.dumps(envelope(body)).encode()
    refused = [
        server.request("POST", event),
        server.request("POST", event, {"X-Event-Grid-Key": "wrong"}),
        server.deliver(body),
    ]
    assert [400, 400, 400] == [answer.status for answer in refused]
    assert 404 == server.request("POST", event, KEY, "/other").status


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Give the functions of the example, by the names that Azure knows."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("DATABASE", str(tmp_path / "app.db"))
    example = runpy.run_path(str(EXAMPLES / "azure_functions.py"))
    yield {
        function.get_function_name(): function.get_user_function()
        for function in example["app"].get_functions()
    }
    example["router"].close()


def test_the_example_handles_an_event_of_either_trigger_once(
    functions: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """By HTTP as Stripe signs it, and by Event Grid; one store knows of both."""
    body, id_, line = charge()
    request = AdapterRequest("POST", tuple(sign(body, SECRET).items()), body)
    status, _, answer = answered(functions["stripe_webhook"](request_of(request)))
    assert (200, {"outcome": "handled", "event": id_}) == (status, json.loads(answer))
    functions["stripe_event"](event_of(envelope(body)))
    other, _, other_line = charge()
    functions["stripe_event"](event_of(envelope(other)))
    assert f"{line}\n{other_line}\n" == capsys.readouterr().out
