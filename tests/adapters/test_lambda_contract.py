"""The function for Lambda keeps the contract of adapters, whichever proxy is before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.testing import AdapterContract, AdapterResponse
from tests.unit import lambda_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import EventRouter
    from stripe_events.testing import AdapterRequest


class Proxied(AdapterContract):
    """A function behind a proxy, which turns requests into events and answers into responses."""

    event: Callable[..., dict[str, Any]]

    def start(self, router: EventRouter) -> Any:
        """Make the function."""
        return lambda_handler(router)

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Invoke it, with a minute left."""
        event = type(self).event(request.method, request.headers, request.body)
        answer = app(event, lambda_events.Context(60))
        multi = answer.get("multiValueHeaders", {})
        headers = {name: ",".join(values) for name, values in multi.items()}
        return AdapterResponse(
            answer["statusCode"], answer.get("headers", headers), answer["body"].encode()
        )


class TestRest(Proxied):
    """A REST API of API Gateway."""

    event = staticmethod(lambda_events.rest)


class TestHttp1(Proxied):
    """An HTTP API of API Gateway, with payloads of version 1.0."""

    event = staticmethod(lambda_events.http_1)


class TestHttp2(Proxied):
    """An HTTP API of API Gateway, with payloads of version 2.0."""

    event = staticmethod(lambda_events.http_2)


class TestFunctionUrl(Proxied):
    """The URL of a function."""

    event = staticmethod(lambda_events.function_url)


class TestALB(Proxied):
    """A load balancer whose target group has multi-value headers: without, it drops headers."""

    event = staticmethod(lambda_events.alb_multi_value)


class TestLattice1(Proxied):
    """VPC Lattice, version 1.0 of its events."""

    event = staticmethod(lambda_events.lattice_1)


class TestLattice2(Proxied):
    """VPC Lattice, version 2.0 of its events."""

    event = staticmethod(lambda_events.lattice_2)
