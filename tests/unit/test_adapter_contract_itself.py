"""The contract of adapters passes the simplest one, and fails each that has a known flaw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome, WebhookResponse
from stripe_events.adapters import Endpoint
from stripe_events.testing import AdapterContract, AdapterRequest, AdapterResponse

if TYPE_CHECKING:
    from stripe_events import EventRouter


class Adapter(AdapterContract):
    """The simplest adapter: requests and responses are those of the contract."""

    def start(self, router: EventRouter) -> Endpoint:
        """Give the endpoint."""
        return Endpoint.of(router)

    def send(self, app: Endpoint, request: AdapterRequest) -> AdapterResponse:
        """Ask for what needs no body first."""
        headers = self.headers(request)
        response = app.unread(request.method, headers) or self.handle(app, request, headers)
        return self.answer(request, response)

    def headers(self, request: AdapterRequest) -> Any:
        """Give the headers."""
        return request.headers

    def body(self, request: AdapterRequest) -> bytes:
        """Give the body."""
        return request.body

    def handle(self, app: Endpoint, request: AdapterRequest, headers: Any) -> WebhookResponse:
        """Give the response."""
        return app.handle(self.body(request), headers)

    def answer(self, request: AdapterRequest, response: WebhookResponse) -> AdapterResponse:
        """Give the answer."""
        body = b"" if request.method == "HEAD" else response.body
        return AdapterResponse(response.status, response.headers, body)


class TestSimplest(Adapter):
    """It passes."""


class ParsesFirst(Adapter):
    """Gives the router what a framework has parsed, written again."""

    def body(self, request: AdapterRequest) -> bytes:
        """Lose the bytes."""
        try:
            return json.dumps(json.loads(request.body)).encode()
        except ValueError:
            return request.body


class Decodes(Adapter):
    """Reads the body as text."""

    def body(self, request: AdapterRequest) -> bytes:
        """Fail where it is none."""
        return request.body.decode().encode()


class Cuts(Adapter):
    """Reads one chunk."""

    def body(self, request: AdapterRequest) -> bytes:
        """Lose the rest."""
        return request.body[:4_096]


class ExactCase(Adapter):
    """Looks for the header as the documentation writes it."""

    def headers(self, request: AdapterRequest) -> Any:
        """Lose what is written differently."""
        return [
            pair for pair in request.headers if pair[0] in {"Stripe-Signature", "x-contract-key"}
        ]


class LastHeaderWins(Adapter):
    """Keeps headers in a dict."""

    def headers(self, request: AdapterRequest) -> Any:
        """Lose the first of two."""
        return {name.lower(): value for name, value in request.headers}


class SignatureOnly(Adapter):
    """Passes one header on."""

    def headers(self, request: AdapterRequest) -> Any:
        """Lose the others."""
        return [pair for pair in request.headers if pair[0].lower() == "stripe-signature"]


class AnyMethod(Adapter):
    """Answers GET as well."""

    def send(self, app: Endpoint, request: AdapterRequest) -> AdapterResponse:
        """Never ask what needs no body."""
        return self.answer(request, app.handle(request.body, request.headers))


class NoAllow(Adapter):
    """Answers with the status alone."""

    def answer(self, request: AdapterRequest, response: WebhookResponse) -> AdapterResponse:
        """Lose the headers but one."""
        kind = {"content-type": "application/json"}
        return super().answer(request, response)._replace(headers=kind)


class BodyOnHead(Adapter):
    """Treats HEAD like GET."""

    def answer(self, request: AdapterRequest, response: WebhookResponse) -> AdapterResponse:
        """Send the body always."""
        return AdapterResponse(response.status, response.headers, response.body)


class AlwaysFine(Adapter):
    """Answers 200 whatever happened."""

    def answer(self, request: AdapterRequest, response: WebhookResponse) -> AdapterResponse:
        """Hide the status."""
        return super().answer(request, response)._replace(status=200)


class OwnLimit(Adapter):
    """Has a limit of its own, a little lower."""

    def handle(self, app: Endpoint, request: AdapterRequest, headers: Any) -> WebhookResponse:
        """Refuse the greatest size."""
        if len(request.body) >= app.max_body_bytes:
            return WebhookResponse(Outcome.TOO_LARGE)
        return super().handle(app, request, headers)


class TellsErrors(Adapter):
    """Puts the error into the answer."""

    def answer(self, request: AdapterRequest, response: WebhookResponse) -> AdapterResponse:
        """Tell what happened inside."""
        answer = super().answer(request, response)
        causes = getattr(response.error, "exceptions", ())
        return answer._replace(body=str(causes).encode()) if causes else answer


class SharedAnswer(Adapter):
    """Keeps the response where all requests see it."""

    last: Any = None

    def handle(self, app: Endpoint, request: AdapterRequest, headers: Any) -> WebhookResponse:
        """Give what another request has left there."""
        mine = super().handle(app, request, headers)
        other: WebhookResponse = self.last or mine
        self.last = mine
        return other


def failing(contract: AdapterContract) -> set[str]:
    """Run all cases, and give the names of those that fail."""
    found = set()
    for name in dir(contract):
        if name.startswith("test_"):
            try:
                getattr(contract, name)()
            except Exception:  # noqa: BLE001 - an adapter may raise anything
                found.add(name.removeprefix("test_"))
    return found


FLAWS = {
    ParsesFirst: {"a_body_arrives_byte_for_byte"},
    Decodes: {"a_body_in_another_encoding_is_refused"},
    Cuts: {"a_body_of_the_greatest_size_is_handled"},
    ExactCase: {"the_names_of_headers_have_no_case"},
    LastHeaderWins: {"a_repeated_signature_header_counts_as_one"},
    SignatureOnly: {"every_header_reaches_the_verifier"},
    AnyMethod: {"other_methods_are_refused"},
    NoAllow: {
        "other_methods_are_refused",
        "a_closed_router_is_answered_503",
        "an_event_that_is_being_handled_is_answered_409",
        "a_handlers_own_answer_is_sent_as_it_is",
    },
    BodyOnHead: {"other_methods_are_refused"},
    AlwaysFine: {
        "a_bad_signature_is_refused",
        "a_missing_signature_is_refused",
        "a_longer_body_is_refused",
        "an_empty_body_is_refused",
        "a_failure_is_answered_500_without_its_text",
    },
    OwnLimit: {"a_body_of_the_greatest_size_is_handled"},
    TellsErrors: {"a_failure_is_answered_500_without_its_text"},
    SharedAnswer: {"requests_at_once_get_their_own_answers"},
}


@pytest.mark.parametrize("flawed", FLAWS)
def test_a_flaw_is_found_by_the_cases_that_name_it(flawed: type[Adapter]) -> None:
    """Whoever writes an adapter is told what it breaks."""
    assert FLAWS[flawed] <= failing(flawed())


def test_a_failure_says_what_does_not_hold() -> None:
    """In words, with what was expected and what came."""
    with pytest.raises(AssertionError, match=r"(?s)a bad signature is refused.*expected.*actual"):
        AlwaysFine().test_a_bad_signature_is_refused()
