"""What Azure's Python worker does around a function, with the converters that it uses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.http import HttpRequestConverter, HttpResponseConverter
from azure.functions.meta import Datum

if TYPE_CHECKING:
    from azure.functions import HttpRequest, HttpResponse

    from stripe_events.testing import AdapterRequest

__all__ = ["answered", "event_of", "request_of"]


def request_of(request: AdapterRequest) -> HttpRequest:
    """Give a function's argument; the host joins repeated headers and adds the length."""
    headers: dict[str, str] = {"content-length": str(len(request.body))}
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    converted: HttpRequest = HttpRequestConverter.decode(
        Datum(
            {
                "method": Datum(request.method, "string"),
                "url": Datum("https://example.azurewebsites.net/api/stripe", "string"),
                "headers": {name: Datum(value, "string") for name, value in headers.items()},
                "query": {},
                "params": {},
                "body": Datum(request.body, "bytes"),
            },
            "http",
        ),
        trigger_metadata={},
    )
    return converted


def answered(response: HttpResponse) -> tuple[int, dict[str, str], bytes]:
    """Give status, headers and body, as the host is told them."""
    told: dict[str, Any] = HttpResponseConverter.encode(response, expected_type=None).value
    headers = {name: datum.value for name, datum in told["headers"].items()}
    return int(told["status_code"].value), headers, told["body"].value


def event_of(envelope: object) -> Any:
    """Give the argument of a function with an Event Grid trigger."""
    datum = Datum(json.dumps(envelope), "json")
    return EventGridEventInConverter.decode(datum, trigger_metadata={})
