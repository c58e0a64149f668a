"""The example for Lambda, behind its stand-in for a function URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.testing import sign
from tests.system.example_server import charge, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.example_server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start it as its docstring says."""
    with started("{examples}/aws_lambda.py", tmp_path_factory.mktemp("lambda")) as running:
        yield running


@pytest.mark.parametrize("path", ["/stripe", "/stripe/"])
def test_a_delivery_is_handled_once(server: Server, path: str) -> None:
    """With a slash at the end or without; when it comes again, nothing is printed."""
    body, id_, line = charge()
    answers = [server.deliver(body, path) for _ in range(2)]
    assert [200, 200] == [answer.status for answer in answers]
    outcomes = [{"outcome": outcome, "event": id_} for outcome in ("handled", "duplicate")]
    assert outcomes == [answer.json for answer in answers]
    server.wait_for(line)
    other, _, last = charge()
    server.deliver(other, path)
    server.wait_for(last)
    assert 1 == server.times(line)


def test_what_is_wrong_is_refused(server: Server) -> None:
    """A bad signature, another method, and a body that is too large."""
    body, _, _ = charge()
    assert 400 == server.request("POST", body, sign(body, "whsec_another")).status
    for method in ("GET", "HEAD", "PUT"):
        answer = server.request(method)
        assert (405, "POST") == (answer.status, answer.headers["allow"])
    assert 413 == server.deliver(body.ljust(4 * 1024 * 1024 + 1)).status
