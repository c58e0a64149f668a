"""The examples for Google Cloud, over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adapters.google_framework import EVENTARC, message
from tests.system.example_server import charge, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.example_server import Server

FRAMEWORK = (
    "-m functions_framework --host 127.0.0.1 --port {port} --source {examples}/google_functions.py "
)
GOOGLE_AUTH = {
    "google/auth/transport/requests.py": "class Request: ...",
    "google/oauth2/id_token.py": """
from google.auth.transport.requests import Request

def verify_oauth2_token(token, request, audience):
    assert isinstance(request, Request)
    email, _, claimed_audience = token.partition(" for ")
    if claimed_audience != audience:
        raise ValueError("wrong audience")
    return {"email": email, "email_verified": True}
""",
}
"""Stands for google-auth, which would ask Google: a token is "email for audience"."""


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give Google's framework with the function for HTTP."""
    with started(f"{FRAMEWORK} --target stripe", tmp_path_factory.mktemp("http")) as running:
        yield running
        assert "Traceback" not in "".join(running.printed)


@pytest.mark.parametrize("path", ["/stripe", "/stripe/", "/"])
def test_the_example_handles_signed_requests(function: Server, path: str) -> None:
    """On every path, and none of them twice."""
    body, id_, line = charge()
    answers = [function.deliver(body, path).json for _ in range(2)]
    assert ["handled", "duplicate"] == [answer["outcome"] for answer in answers]
    assert {id_} == {answer["event"] for answer in answers}
    function.wait_for(f"^{line}$")


def test_the_example_refuses_what_is_not_signed(function: Server) -> None:
    """And what is no POST, and what is too large."""
    body, _, _ = charge()
    statuses = [
        function.deliver(body, **{"Stripe-Signature": "t=1,v1=00"}).status,
        function.request("GET").status,
        function.deliver(b" " * (4 * 1024 * 1024 + 1)).status,
    ]
    assert [400, 405, 413] == statuses


def test_the_example_handles_messages_of_pubsub(tmp_path: Path) -> None:
    """As Eventarc brings them to the other function."""
    with started(f"{FRAMEWORK} --target stripe_event", tmp_path) as server:
        body, _, line = charge()
        statuses = [
            server.request("POST", message(sent), EVENTARC, "/").status
            for sent in (body, body, b"no JSON")
        ]
        server.wait_for(f"^{line}$")
        assert [200, 200, 500] == statuses


def test_the_example_takes_pushes_of_one_account_only(tmp_path: Path) -> None:
    """Whoever has no token, or another one, is refused."""
    for name, source in GOOGLE_AUTH.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(source)
    settings = {
        "PUSH_AUDIENCE": "https://x/stripe",
        "PUSH_EMAIL": "push@x",
        "PYTHONPATH": str(tmp_path),
    }
    tokens = ["push@x for https://x/stripe", "other@x for https://x/stripe", "push@x for else"]
    with started("{examples}/pubsub_push.py", tmp_path, **settings) as server:
        body, _, line = charge()
        statuses = [
            server.request("POST", message(body), headers, path).status
            for path in ("/stripe", "/stripe/")
            for headers in [{}, *({"Authorization": f"Bearer {token}"} for token in tokens)]
        ]
        server.wait_for(f"^{line}$")
    assert [400, 200, 400, 400] * 2 == statuses
