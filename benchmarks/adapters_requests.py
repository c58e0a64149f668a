"""The request of which the adapters' benchmarks are made, signed just now."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks import payloads
from stripe_events.testing import sign

__all__ = ["PATH", "SECRET", "Request", "lambda_event", "signed"]

SECRET = "whsec_" + "benchmark" * 4
PATH = "/stripe"

_HEADERS = {
    "Host": "example.com",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Accept": "*/*; q=0.5, application/xml",
    "Cache-Control": "no-cache",
    "Content-Type": "application/json; charset=utf-8",
    "Accept-Encoding": "gzip",
}


class Request(NamedTuple):
    """A charge of 3.7 kB and the headers with which it arrives."""

    body: bytes
    headers: dict[str, str]


def signed(*, behind_proxy: bool = False) -> Request:
    """
    Sign a charge; in five minutes it has expired.

    Args:
        behind_proxy: it comes with what proxies add as well.
    """
    body = payloads.charge()
    added = _FROM_PROXY if behind_proxy else {}
    length = {"Content-Length": str(len(body))}
    return Request(body, {**_HEADERS, **length, **sign(body, SECRET), **added})


_FROM_PROXY = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "example.com",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
    "X-Real-Ip": "203.0.113.7",
    "X-Request-Id": "0f0e8b6c9d5a4b71a2c3d4e5f6071829",
    "Via": "1.1 proxy.example.com",
}


def lambda_event(request: Request) -> dict[str, Any]:
    """Give a request as an HTTP API of API Gateway brings it to Lambda, in format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"POST {PATH}",
        "rawPath": PATH,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "benchmark",
            "domainName": "benchmark.execute-api.eu-central-1.amazonaws.com",
            "http": {
                "method": "POST",
                "path": PATH,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": request.headers["User-Agent"],
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"POST {PATH}",
            "stage": "$default",
            "timeEpoch": 1_760_000_000_000,
        },
        "body": request.body.decode(),
        "isBase64Encoded": False,
    }
