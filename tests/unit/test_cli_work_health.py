"""What supervisors are told of a worker, by a file and by HTTP."""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from stripe_events.cli._work_arguments import Address
from stripe_events.cli._work_endpoint import serving
from stripe_events.cli._work_health import Health, HealthFile
from stripe_events.worker import WorkerStatus
from tests.unit.test_cli_events_progress import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDLE = WorkerStatus("idle", looked=0.5)
FULL = WorkerStatus("working", running=2, looked=0.5)


class Patient:
    """A worker of which tests say how it is, and the judgement of it."""

    def __init__(self) -> None:
        """Be idle."""
        self.clock = Clock()
        self.clock.now = 1_000.0
        self.status = IDLE
        self.health = Health(lambda: self.status, concurrency=2, poll=1.0, clock=self.clock)

    def why(self, status: WorkerStatus, after: float = 0.0) -> str | None:
        """Tell what is wrong when it is so for some seconds."""
        self.status = status
        self.health.beat()
        self.clock.now += after
        self.health.beat()
        return self.health.look().why


@pytest.fixture
def patient() -> Patient:
    """Give a worker that is well."""
    return Patient()


@pytest.mark.parametrize(
    "status",
    [
        IDLE,
        FULL._replace(looked=3600.0),  # it has no room for more
        FULL._replace(state="stopping", running=0, looked=100.0),
    ],
)
def test_a_worker_that_does_its_work_is_healthy(status: WorkerStatus, patient: Patient) -> None:
    """However long it has no room for more, or takes to end."""
    assert patient.why(status, after=100.0) is None


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (WorkerStatus("idle"), "the store has not answered yet"),
        (WorkerStatus("store failing", error="gone"), "gone"),
        (WorkerStatus("stopped"), "stopped"),
        (IDLE._replace(looked=90.0), "no events were taken for 90 s"),
        (WorkerStatus("working", 6, 6, looked=90.0), "no events were taken for 90 s"),
    ],
)
def test_a_worker_that_cannot_begin_more_is_not(
    status: WorkerStatus, why: str, patient: Patient
) -> None:
    """The store fails or is silent, or so many threads hang that it takes nothing more."""
    told = patient.why(status, after=60.0)
    assert told is not None
    assert told.startswith(why)


def test_a_worker_has_a_while_to_ask_again(patient: Patient) -> None:
    """When it had no room for an hour, its last look is that long ago."""
    assert patient.why(FULL._replace(looked=3600.0)) is None
    assert patient.why(FULL._replace(running=1, looked=3600.0), after=31.0) is None
    assert patient.why(FULL._replace(running=1, looked=3600.0), after=2.0) is not None


def test_an_event_loop_that_is_blocked_is_told(patient: Patient) -> None:
    """By then nobody extends leases either, if the store is async."""
    patient.health.beat()
    patient.clock.now += 11.0
    assert patient.health.look().why == (
        "the event loop is blocked for 11 s: an async handler does not await"
    )


def test_the_file_is_rewritten_while_it_is_healthy(patient: Patient, tmp_path: Path) -> None:
    """Every two seconds; its age tells when it is not, and its absence that it has ended."""
    path = tmp_path / "health.json"
    path.write_text("of an earlier process", "utf-8")
    file = HealthFile(os.fspath(path), patient.health, clock=patient.clock)
    assert not path.exists()
    told = []
    for status, seconds in ((IDLE, 0.0), (FULL, 1.0), (FULL, 1.0), (WorkerStatus("stopped"), 9.0)):
        patient.why(status, after=seconds)
        assert file.keep() is None
        told.append(json.loads(path.read_text("utf-8"))["running"])
    assert [0, 0, 2, 2] == told
    assert [path] == [*tmp_path.iterdir()]
    file.remove()
    assert [] == [*tmp_path.iterdir()]


def test_a_file_that_cannot_be_written_any_more_is_told(patient: Patient, tmp_path: Path) -> None:
    """The worker goes on: whether to end it is for whoever looks at the file."""
    folder = tmp_path / "run"
    folder.mkdir()
    file = HealthFile(os.fspath(folder / "health.json"), patient.health, clock=patient.clock)
    folder.rmdir()
    assert f"--health-file {folder}/health.json cannot be written: No such file or directory" == (
        file.keep()
    )


@pytest.fixture
def port(patient: Patient) -> Iterator[int]:
    """Serve the health of a worker."""
    with serving(Address("127.0.0.1", 0), patient.health) as where:
        assert f"127.0.0.1:{where.port}" == str(where)
        yield where.port
    assert not [one for one in threading.enumerate() if one.name == "stripe-events-health"]


def asked(port: int, method: str, path: str) -> tuple[int, bytes]:
    """Give the answer to a request."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()


@pytest.mark.parametrize("path", ["/", "/healthz", "/healthz?verbose=1"])
def test_the_endpoint_tells_by_its_status(path: str, port: int, patient: Patient) -> None:
    """And the rest as JSON."""
    status, body = asked(port, "GET", path)
    told = json.loads(body)
    assert (200, True, None, "idle") == (status, told["healthy"], told["why"], told["state"])
    patient.status = WorkerStatus("store failing", error="gone")
    status, body = asked(port, "GET", path)
    assert (503, "gone") == (status, json.loads(body)["why"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/", 200), ("HEAD", "/other", 404), ("GET", "/other", 404), ("POST", "/", 501)],
)
def test_the_endpoint_tells_nothing_else(
    method: str, path: str, status: int, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor does it write to the log of the worker."""
    answered, body = asked(port, method, path)
    assert (status, method == "HEAD") == (answered, not body)
    assert ("", "") == capfd.readouterr()
