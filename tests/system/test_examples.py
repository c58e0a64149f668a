"""Each example, on the server that it is usually run on, receives deliveries over real sockets."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest

from stripe_events.testing import sign
from tests.system.example_server import EXAMPLES, SECRET, charge, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.example_server import Server

TOO_LARGE = 4 * 1024 * 1024 + 1


class Kind(NamedTuple):
    """
    A server: what follows `python` to run an app on it, and where it is unlike most others.

    ``chunked`` is the status of a body in chunks: 411 where the server does not say that it
    decodes them; ``repeated`` is that of a good signature before a bad one in a header of
    its own; ``waits`` says that it, or its framework, gives no part of a body to the app
    before the end. ``port`` is what the app is told: any, or a free one if the server does
    not tell which one it took.
    """

    command: str
    chunked: int = 200
    repeated: int = 200
    waits: bool = False
    port: str = "0"


_GUNICORN = "-m gunicorn --no-control-socket --bind 127.0.0.1:0"
_GRANIAN = "-m granian --host 127.0.0.1 --port {port} --interface"
SERVERS = {
    "wsgiref": Kind("{examples}/{module}.py", chunked=411),
    "gunicorn": Kind(f"{_GUNICORN} {{module}}:{{app}}"),
    # Django looks for a body only where its length was announced.
    "gunicorn-django": Kind(f"{_GUNICORN} {{module}}:{{app}}", chunked=411),
    "gthread": Kind(f"{_GUNICORN} --worker-class gthread --threads 4 {{module}}:{{app}}"),
    "waitress": Kind("-m waitress --listen 127.0.0.1:0 {module}:{app}", waits=True),
    # The last one of repeated headers wins.
    "cheroot": Kind("-m cheroot --bind 127.0.0.1:{port} {module}:{app}", repeated=400),
    "granian-wsgi": Kind(f"{_GRANIAN} wsgi {{module}}:{{app}}"),
    "hypercorn-wsgi": Kind(
        "-m hypercorn -w 0 --bind 127.0.0.1:0 wsgi:{module}:{app}", chunked=411, waits=True
    ),
    "uvicorn": Kind("-m uvicorn --port 0 {module}:{app}"),
    "uvicorn-django": Kind("-m uvicorn --port 0 {module}:{app}", waits=True),
    "hypercorn": Kind("-m hypercorn -w 0 --bind 127.0.0.1:0 {module}:{app}"),
    "hypercorn-quart": Kind("-m hypercorn -w 0 --bind 127.0.0.1:0 {module}:{app}", waits=True),
    "daphne": Kind("-m daphne --bind 127.0.0.1 --port 0 {module}:{app}", waits=True),
    "granian": Kind(f"{_GRANIAN} asgi {{module}}:{{app}}"),
    "functions": Kind(
        "-m functions_framework --host 127.0.0.1 --port {port} "
        "--source {examples}/{module}.py --target {app}",
        waits=True,
    ),
    "itself": Kind("{examples}/{module}.py"),
    "itself-waitress": Kind("{examples}/{module}.py", port="{port}", waits=True),
    "itself-cheroot": Kind("{examples}/{module}.py", repeated=400),
}

RUNS = [
    ("plain_wsgi", "wsgiref", "application"),
    ("plain_wsgi", "gunicorn", "application"),
    ("plain_wsgi", "gthread", "application"),
    ("plain_wsgi", "waitress", "application"),
    ("plain_wsgi", "cheroot", "application"),
    ("plain_wsgi", "granian-wsgi", "application"),
    ("plain_wsgi", "hypercorn-wsgi", "application"),
    ("plain_asgi", "uvicorn", "app"),
    ("plain_asgi", "hypercorn", "app"),
    ("plain_asgi", "daphne", "app"),
    ("plain_asgi", "granian", "app"),
    ("django_app", "gunicorn-django", "application"),
    ("django_app", "daphne", "asgi"),
    ("django_app", "uvicorn-django", "asgi"),
    ("flask_app", "gunicorn", "app"),
    ("pyramid_app", "itself-waitress", ""),
    ("falcon_app", "itself-waitress", ""),
    ("bottle_app", "itself-cheroot", ""),
    ("fastapi_app", "uvicorn", "app"),
    ("starlette_app", "uvicorn", "app"),
    ("falcon_asgi_app", "uvicorn", "app"),
    ("quart_app", "hypercorn-quart", "app"),
    ("litestar_app", "granian", "app"),
    ("aiohttp_app", "itself", ""),
    ("sanic_app", "itself", ""),
    ("tornado_app", "itself", ""),
    ("google_functions", "functions", "stripe"),
]
"""Example, server, and the name of the app in the example's module."""


ELSEWHERE = {
    "aws_lambda": "adapters/test_lambda_example.py",
    "azure_functions": "adapters/test_azure_examples.py",
    "event_grid": "adapters/test_azure_examples.py",
    "pubsub_push": "adapters/test_google_examples.py",
    "celery_app": "system/test_examples_celery.py",
    "sqs_lambda": "system/test_examples_sqs.py",
    "django_inbox": "system/test_examples_inbox.py",
    "django_orm": "stores/test_django.py",
    "fastapi_inbox": "system/test_examples_inbox.py",
    "sqlalchemy_session": "stores/test_sqlalchemy.py",
}
"""Examples that take something else than Stripe's requests from a server, and their tests."""


class Run(NamedTuple):
    """A server that runs an example."""

    server: Server
    kind: Kind


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}-on-{run[1]}")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Give each example in turn, on each of its servers."""
    example, name, app = request.param
    kind = SERVERS[name]
    command = kind.command.replace("{module}", example).replace("{app}", app)
    with started(command, tmp_path_factory.mktemp(example), PORT=kind.port) as server:
        yield Run(server, kind)
        assert "Traceback" not in "".join(server.printed)


@pytest.fixture
def server(run: Run) -> Server:
    """Give the server alone."""
    return run.server


def chunked(body: bytes) -> bytes:
    """Write a body in chunks."""
    places = [0, 10, 50, *range(65536, len(body), 65536), len(body)]
    pieces = [body[start:end] for start, end in pairwise(places)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def test_a_signed_delivery_runs_its_handler(server: Server) -> None:
    """The typed handler has read the charge when the answer comes."""
    body, id_, line = charge()
    answer = server.deliver(body)
    assert (200, {"outcome": "handled", "event": id_}) == (answer.status, answer.json)
    assert "application/json" == answer.headers["content-type"]
    server.wait_for(line)


def test_a_second_delivery_runs_no_handler(server: Server) -> None:
    """The sender is told that it is done already; the store has kept that."""
    body, id_, line = charge()
    assert [200, 200] == [server.deliver(body).status, (second := server.deliver(body)).status]
    assert {"outcome": "duplicate", "event": id_} == second.json
    assert 1 == times_by_now(server, line)


def times_by_now(server: Server, line: str) -> int:
    """Count how often a line was printed before the one of another delivery."""
    body, _, mark = charge()
    assert 200 == server.deliver(body).status
    server.wait_for(f"^{mark}$")
    return server.times(line)


@pytest.mark.parametrize("path", ["/stripe", "/stripe/"])
def test_a_slash_at_the_end_makes_no_difference(server: Server, path: str) -> None:
    """Both are served at once: Stripe follows no redirect."""
    assert "handled" == server.deliver(charge()[0], path).json["outcome"]


def test_a_bad_signature_is_refused(server: Server) -> None:
    """The sender learns the outcome, and nothing about the cause."""
    body, _, line = charge()
    answer = server.request("POST", body, sign(body, "whsec_another"))
    assert (400, {"outcome": "signature_invalid"}) == (answer.status, answer.json)
    assert 0 == times_by_now(server, line)


def test_a_missing_signature_is_refused(server: Server) -> None:
    """A body alone proves nothing."""
    body, _, line = charge()
    answer = server.request("POST", body)
    assert (400, {"outcome": "signature_missing"}) == (answer.status, answer.json)
    assert 0 == times_by_now(server, line)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(server: Server, method: str) -> None:
    """The answer names the method that is allowed."""
    answer = server.request(method)
    assert (405, True) == (answer.status, "POST" in answer.headers["allow"])


def test_head_is_refused_without_a_body(server: Server) -> None:
    """Nothing follows the headers, which are those of any other method."""
    raw = server.raw_answer(
        b"HEAD /stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )
    head, _, body = raw.partition(b"\r\n\r\n")
    assert (b"405", True, b"") == (head.split()[1], b"\r\nallow: " in head.lower(), body)


def test_a_body_that_was_left_unread_is_no_request(server: Server) -> None:
    """After a refusal the connection is closed, or goes on behind the body."""
    hidden = b"GET /stripe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    refused = b"PUT /stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    last = b"GET /stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    raw = server.raw_answer(refused % len(hidden) + hidden + last)
    assert raw.count(b"HTTP/1.") in {1, 2}


def test_a_body_that_is_too_large_is_refused(server: Server) -> None:
    """It is refused by its announced length, or when too much of it has come."""
    body, _, line = charge()
    body = body.ljust(TOO_LARGE)
    signature = sign(body, SECRET)["Stripe-Signature"]
    answer = server.send(
        f"Content-Length: {len(body)}", f"Stripe-Signature: {signature}", body=body
    )
    assert 413 == answer.status
    assert 0 == times_by_now(server, line)


def test_a_body_in_chunks_is_read_if_the_server_says_that_it_ends(run: Run) -> None:
    """Where it does not say so, nothing waits for an end that may never come."""
    body, _, line = charge()
    answer = run.server.send(
        "Transfer-Encoding: chunked",
        f"Stripe-Signature: {sign(body, SECRET)['Stripe-Signature']}",
        body=chunked(body),
    )
    assert run.kind.chunked == answer.status
    assert (run.kind.chunked == 200) == times_by_now(run.server, line)


def test_chunks_are_read_up_to_the_limit_only(run: Run) -> None:
    """A body without an end is refused as soon as too much of it has come."""
    refused = 413 if run.kind.chunked == 200 else 411
    body = chunked(charge()[0].ljust(TOO_LARGE + 200_000))
    sent = body if run.kind.waits else body.removesuffix(b"0\r\n\r\n")
    assert refused == run.server.send("Transfer-Encoding: chunked", body=sent).status


def test_a_body_that_ends_early_is_not_handled(server: Server) -> None:
    """A client that goes away while it sends has sent nothing."""
    body, _, line = charge()
    signature = sign(body, SECRET)["Stripe-Signature"].encode()
    lines = b"Host: 127.0.0.1\r\nContent-Length: %d\r\nStripe-Signature: %b"
    head = b"POST /stripe HTTP/1.1\r\n" + lines + b"\r\n\r\n"
    with server.connection() as connection:
        connection.sendall(head % (len(body) + 1, signature) + body)
    assert 0 == times_by_now(server, line)


def test_a_signature_may_be_repeated(run: Run) -> None:
    """Servers join what was sent twice; where only the last one counts, that one decides."""
    body, _, _ = charge()
    lines = [f"Content-Length: {len(body)}"]
    lines += [
        f"Stripe-Signature: {sign(body, secret)['Stripe-Signature']}"
        for secret in (SECRET, "whsec_another")
    ]
    assert run.kind.repeated == run.server.send(*lines, body=body).status


def test_signatures_that_a_proxy_has_joined_are_all_read(server: Server) -> None:
    """A comma and a space between them are not signed."""
    body, _, _ = charge()
    signatures = [sign(body, secret)["Stripe-Signature"] for secret in ("whsec_another", SECRET)]
    answer = server.deliver(body, **{"Stripe-Signature": ", ".join(signatures)})
    assert (200, "handled") == (answer.status, answer.json["outcome"])


@pytest.mark.parametrize("length", ["abc", "-5", "\xb2", "1 2"])
def test_a_length_that_is_none_is_refused(server: Server, length: str) -> None:
    """No announced length can make a server wait, break or read without limit."""
    assert server.send(f"Content-Length: {length}", body=b"{}").status in {400, 413}


def test_every_example_is_driven() -> None:
    """A new one needs a line in one of the tables above."""
    driven = {example for example, _, _ in RUNS} | set(ELSEWHERE)
    assert {path.stem for path in EXAMPLES.glob("*.py")} == driven


@pytest.mark.parametrize(("example", "tests"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_an_example_is_driven_elsewhere(example: str, tests: str) -> None:
    """The tests that are said to drive it name it."""
    assert example in (EXAMPLES.parent / "tests" / tests).read_text("utf-8")
