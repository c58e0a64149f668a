"""Signed requests through the proxies of AWS: bodies, headers, and the form of the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from textwrap import dedent
from typing import Any

import pytest

from stripe_events import Context, EventRouter
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.errors import AsyncStoreError, ConfigurationError, UsageError
from stripe_events.observers import Rejected
from stripe_events.storage import MemoryStore
from tests.unit import lambda_events
from tests.unit.deliveries import encode, router, signed, snapshot
from tests.unit.lambda_events import (
    PROXIES,
    alb,
    alb_multi_value,
    function_url,
    http_2,
    lattice_1,
    rest,
)
from tests.unit.recorded import AsyncMemoryStore

PROXY = pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
OUTCOME = '{"outcome":"handled","event":"evt_1"}'


def handling(seen: list[str], **options: Any) -> EventRouter:
    """Give a router whose handler writes down the ids."""
    to = router(**options)
    to.on_any(name="any")(lambda event: seen.append(event.id))
    return to


def posted(proxy: Any, payload: Any = None) -> dict[str, Any]:
    """Give an event with a signed request."""
    body, headers = signed(snapshot() if payload is None else payload)
    event: dict[str, Any] = proxy("POST", headers.items(), body)
    return event


def invoked(event: Any, to: EventRouter | None = None) -> dict[str, Any]:
    """Give the answer of a function around a router, by default one without handlers."""
    answer = lambda_handler(router() if to is None else to)(event, None)
    assert answer is not None
    return answer


@PROXY
def test_an_answer_is_json_without_a_length(proxy: Any) -> None:
    """It can be written as JSON as it is; the proxy counts the bytes."""
    seen: list[str] = []
    answer = invoked(posted(proxy), handling(seen))
    assert answer == json.loads(json.dumps(answer))
    assert (200, OUTCOME, False) == (
        answer["statusCode"],
        answer["body"],
        answer["isBase64Encoded"],
    )
    headers = answer.get("headers") or answer["multiValueHeaders"]
    assert ["content-type"] == list(headers)
    assert ["evt_1"] == seen


def test_a_load_balancer_is_answered_in_its_form() -> None:
    """With a description of the status, and headers as it brought them."""
    single, multi = invoked(posted(alb)), invoked(posted(alb_multi_value))
    kind = "application/json"
    assert ("200 OK", {"content-type": kind}) == (single["statusDescription"], single["headers"])
    assert {"content-type": [kind]} == multi["multiValueHeaders"]
    assert "headers" not in multi
    refused = invoked(alb("GET", [], b""))
    assert "405 Method Not Allowed" == refused["statusDescription"]


def test_only_a_load_balancer_gets_a_description() -> None:
    """Others know no such key."""
    names = {"statusCode", "headers", "body", "isBase64Encoded"}
    for name, proxy in PROXIES.items():
        if not name.startswith("alb"):
            assert names == invoked(posted(proxy)).keys()


@pytest.mark.parametrize("missing", ["headers", "multiValueHeaders"])
def test_one_form_of_headers_is_enough(missing: str) -> None:
    """API Gateway's test console leaves either null."""
    event = posted(rest)
    assert 200 == invoked({**event, missing: None})["statusCode"]
    del event[missing]
    assert 200 == invoked(event)["statusCode"]


@PROXY
def test_no_headers_at_all_are_a_missing_signature(proxy: Any) -> None:
    """Null, empty or absent: nothing was signed."""
    event = {**posted(proxy), "headers": {}, "multiValueHeaders": None}
    assert '{"outcome":"signature_missing"}' == invoked(event)["body"]


@pytest.mark.parametrize("headers", ["t=1,v1=0", ["Stripe-Signature"], 5, True])
def test_headers_of_another_type_are_malformed(headers: Any) -> None:
    """A text is not taken for the signature itself."""
    event = posted(http_2)
    event["headers"] = headers
    assert '{"outcome":"malformed"}' == invoked(event)["body"]


def test_values_of_headers_may_be_anything() -> None:
    """Null, numbers, lists of lists: what is no signature does not verify."""
    for value in (None, 5, [None], [["t=1"]], {"t": 1}):
        event = {**posted(http_2), "headers": {"stripe-signature": value, "content-length": value}}
        assert 400 == invoked(event)["statusCode"]


@PROXY
def test_a_body_in_base64_is_decoded(proxy: Any) -> None:
    """As a proxy sends it that takes the content for binary."""
    event = posted(proxy)
    key = "is_base64_encoded" if proxy is lattice_1 else "isBase64Encoded"
    event |= {"body": b64encode(event["body"].encode()).decode(), key: True}
    seen: list[str] = []
    assert 200 == invoked(event, handling(seen))["statusCode"]
    assert ["evt_1"] == seen


@pytest.mark.parametrize(
    "body", ["{}", "e30", "e30=e30=", "e30=\n", " e30=", "e3-_", "é", "\ud800", "=", "YWJj*"]
)
def test_a_body_that_is_no_base64_is_malformed(body: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is skipped to make it fit; observers hear of it, and no log shows it."""
    told: list[Any] = []
    to = router()
    to.observe(Rejected)(told.append)
    event = {**posted(rest), "body": body, "isBase64Encoded": True}
    assert '{"outcome":"malformed"}' == invoked(event, to)["body"]
    assert "said to be base64, and is not" in caplog.text
    assert "Traceback" not in caplog.text
    assert 1 == len(told)


@pytest.mark.parametrize("body", [{}, [], 5, 0, False, True, 1.5, "\ud800"])
def test_a_body_that_is_no_text_is_malformed(body: Any) -> None:
    """A parsed object, as a mapping template makes it, has lost its bytes."""
    assert '{"outcome":"malformed"}' == invoked({**posted(rest), "body": body})["body"]


def test_a_body_that_is_absent_is_empty() -> None:
    """Null, as REST has it, or left out, as function URLs do."""
    event = posted(function_url)
    for bodiless in ({**event, "body": None}, {k: v for k, v in event.items() if k != "body"}):
        assert '{"outcome":"signature_invalid"}' == invoked(bodiless)["body"]
    body, headers = signed(b"")
    assert '{"outcome":"malformed"}' == invoked(http_2("POST", headers.items(), body))["body"]


@PROXY
def test_an_answer_to_head_has_no_body(proxy: Any) -> None:
    """A GET for the same has one."""
    head = invoked(proxy("HEAD", [], b""))
    assert (405, "") == (head["statusCode"], head["body"])
    assert '{"outcome":"method_not_allowed"}' == invoked(proxy("GET", [], b""))["body"]


def test_the_announced_length_is_looked_at() -> None:
    """A longer body is not even decoded."""
    event = posted(http_2)
    event["headers"]["content-length"] = "5000000"
    assert 413 == invoked({**event, "body": "no base64", "isBase64Encoded": True})["statusCode"]


@PROXY
def test_an_answer_of_a_handler_passes_as_it_is(proxy: Any) -> None:
    """Byte for byte, with its headers."""
    to = router()

    @to.on_any(name="answering")
    def answering(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True, "note": "é"}, {"Stripe-Version": "2025-04-30.basil"})

    answer = invoked(posted(proxy), to)
    assert '{"approved": true, "note": "\\u00e9"}' == answer["body"]
    headers = answer.get("headers") or answer["multiValueHeaders"]
    assert headers["stripe-version"] in ("2025-04-30.basil", ["2025-04-30.basil"])


@PROXY
def test_a_redelivery_is_a_duplicate(proxy: Any) -> None:
    """Over two invocations of one function."""
    seen: list[str] = []
    to = handling(seen, store=MemoryStore(clock=lambda: 0.0))
    handler = lambda_handler(to)
    bodies = [handler(posted(proxy), lambda_events.Context(60)) for _ in range(2)]
    assert ["handled", "duplicate"] == [json.loads(b["body"])["outcome"] for b in bodies if b]
    assert ["evt_1"] == seen


def test_a_router_without_secrets_serves_no_requests() -> None:
    """The function can be made, for buses; a signed request cannot be verified, and fails."""
    handler = lambda_handler(EventRouter())
    with pytest.raises(ConfigurationError, match="no secrets"):
        handler(posted(rest), None)


def test_what_is_async_only_is_refused_when_the_function_is_made() -> None:
    """Not with the first delivery."""
    with pytest.raises(AsyncStoreError):
        lambda_handler(router(store=AsyncMemoryStore(MemoryStore())))
    to = handling([])

    @to.middleware
    async def layer(event: object, ctx: object) -> Any:
        yield

    with pytest.raises(UsageError, match="async"):
        lambda_handler(to)


def test_nothing_of_a_delivery_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Refused or failed, neither header nor body."""
    caplog.set_level("DEBUG")
    to = router()

    @to.on_any(name="failing")
    def failing(event: object) -> None:
        raise ValueError("words of the handler")

    payload = snapshot(note="private")
    for event in (posted(rest, payload), {**posted(rest, payload), "isBase64Encoded": True}):
        event["headers"] |= {"X-Key": "private"}
        assert invoked(event, to)["statusCode"] in {400, 500}
    assert "words of the handler" in caplog.text
    assert "private" not in caplog.text
    assert signed(payload)[1]["Stripe-Signature"] not in caplog.text


COLD_START = dedent(
    """
    import json
    import sys

    bare = set(sys.modules)
    from stripe_events import EventRouter
    from stripe_events.adapters.aws_lambda import lambda_handler
    from stripe_events.events import ChargeSucceeded
    from stripe_events.testing import sign

    router = EventRouter("whsec_test")
    seen = []

    @router.on(ChargeSucceeded)
    def charge(event):
        seen.append(event.id)

    handler = lambda_handler(router)
    event = json.loads(sys.stdin.read())
    event["headers"] = sign(event["body"].encode(), "whsec_test")
    answer = handler(event, None)
    assert (answer["statusCode"], seen) == (200, ["evt_1"]), answer
    print(json.dumps(sorted(set(sys.modules) - bare)))
    """
)


def test_a_cold_start_loads_little() -> None:
    """From the import to the first answer: no SDK, no event loop, no log, no other adapter."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", COLD_START],
        input=json.dumps(http_2("POST", [], encode(snapshot()))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    loaded = set(json.loads(done.stdout))
    heavy = {"stripe", "asyncio", "logging", "concurrent.futures", "http", "sqlite3", "traceback"}
    assert set() == loaded & heavy
    assert {"_endpoint", "_failure", "aws_lambda"} == {
        name.rpartition(".")[2]
        for name in loaded
        if name.startswith("stripe_events.adapters.") and "._lambda" not in name
    }
