"""``stripe-events work`` as a process: signals, threads that hang, supervisors, logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.example_server import LIMIT, running
from tests.system.gates import shut
from tests.system.work_app import SHOP, deliver, state
from tests.worker.conditions import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.example_server import Process

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def worker(folder: Path, *options: str, database: str = "app.db") -> Iterator[Process]:
    """Start a worker for the shop, whose ledger is in a folder."""
    (folder / "app.py").write_text(SHOP.format(database=database), "utf-8")
    command = " ".join(["-m stripe_events work app", "--poll 0.1", *options])
    environment = {"PYTHONPATH": str(ROOT), "GATE": str(folder / "gate")}
    with running(command, folder, **environment) as process:
        yield process


def ended(process: Process) -> tuple[int, str]:
    """Wait for the end of a process; give its status and what it printed last."""
    printed = process.rest()
    return process.process.returncode, printed.splitlines()[-1]


def test_burst_empties_the_inbox(tmp_path: Path) -> None:
    """It ends by itself, and tells what it came to."""
    first, second = deliver(tmp_path / "app.db", "charge.succeeded", "charge.succeeded")
    with worker(tmp_path, "--burst") as process:
        assert (0, "stripe-events: stopped: 2 handled") == ended(process)
    assert ["done", "done"] == [state(tmp_path / "app.db", one) for one in (first, second)]


@pytest.mark.parametrize(
    ("type_", "count", "becomes"),
    [("charge.expired", "1 failed", "failed"), ("charge.dispute.closed", "1 dead", "dead")],
)
def test_burst_tells_by_its_status_that_something_failed(
    type_: str, count: str, becomes: str, tmp_path: Path
) -> None:
    """Whoever calls it from a script need not read the log."""
    ids = deliver(tmp_path / "app.db", "charge.succeeded", type_)
    with worker(tmp_path, "--burst") as process:
        assert (1, f"stripe-events: stopped: 1 handled, {count}") == ended(process)
    assert ["done", becomes] == [state(tmp_path / "app.db", one) for one in ids]


@pytest.mark.parametrize("type_", ["charge.failed", "charge.refunded"], ids=["thread", "task"])
@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_lets_handlers_finish(
    number: signal.Signals, type_: str, tmp_path: Path
) -> None:
    """It says for what it waits, and ends with success."""
    (id_,) = deliver(tmp_path / "app.db", type_)
    with worker(tmp_path) as process:
        with shut(tmp_path / "gate"):
            process.wait_for(f"^begun {id_}$")
            process.terminate(number)
            process.wait_for("^stripe-events: stopping: 1 event is finished first, within 30 s$")
        process.wait_for(f"^done {id_}$")
        assert (0, "stripe-events: stopped: 1 handled") == ended(process)
    assert "done" == state(tmp_path / "app.db", id_)


def test_what_cannot_finish_in_time_is_given_back(tmp_path: Path) -> None:
    """An async handler is cancelled, and its event is free for the next worker."""
    (id_,) = deliver(tmp_path / "app.db", "charge.pending")
    with worker(tmp_path, "--stop-within 0.1") as process:
        process.wait_for(f"^begun {id_}$")
        process.terminate()
        assert (0, "stripe-events: stopped: 0 handled, 1 given back") == ended(process)
    assert "pending" == state(tmp_path / "app.db", id_)


def test_a_thread_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    """It ends by force, and leaves the event to its lease."""
    (id_,) = deliver(tmp_path / "app.db", "charge.failed")
    health = tmp_path / "health.json"
    with (
        shut(tmp_path / "gate"),
        worker(tmp_path, "--stop-within 0.1", f"--health-file {health}") as process,
    ):
        process.wait_for(f"^begun {id_}$")
        until(health.exists)
        process.terminate()
        status, told = ended(process)
    assert (3, "stripe-events: ended by force") == (status, told.partition(",")[0])
    assert "claimed" == state(tmp_path / "app.db", id_)
    assert not health.exists()


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_ends_it_at_once(second: signal.Signals, tmp_path: Path) -> None:
    """The status is a shell's for that signal, whatever the first one was."""
    (id_,) = deliver(tmp_path / "app.db", "charge.failed")
    with shut(tmp_path / "gate"), worker(tmp_path) as process:
        process.wait_for(f"^begun {id_}$")
        process.terminate()
        process.wait_for("^stripe-events: stopping: ")
        process.terminate(second)
        assert 128 + second == ended(process)[0]
    assert "claimed" == state(tmp_path / "app.db", id_)


def test_json_is_all_that_comes(tmp_path: Path) -> None:
    """Each line is an object: what it does, and what is logged, with the event and handler."""
    paid, broken = deliver(tmp_path / "app.db", "charge.succeeded", "charge.expired")
    with worker(tmp_path, "--burst", "--json") as process:
        lines = [json.loads(line) for line in process.rest().splitlines()]
    assert ("started", "stopped") == (lines[0]["kind"], lines[-1]["kind"])
    assert ("app", 6) == (lines[0]["router"], lines[0]["inbox"])
    assert (1, 1) == (lines[-1]["handled"], lines[-1]["failed"])
    logged = {line["event"]: line for line in lines if line["kind"] == "log"}
    assert ("INFO", ["paid"], "paid") == part(logged[paid], "level", "handlers", "message")
    assert ("ERROR", ["broken"], "HandlerError") == part(
        logged[broken], "level", "handlers", "error"
    )
    assert "RuntimeError: the bank is closed" in logged[broken]["traceback"]


def part(line: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Give some of a line."""
    return tuple(line[name] for name in names)


def test_the_logging_of_the_app_is_left_alone(tmp_path: Path) -> None:
    """What the app has configured gets what is logged, once, and nobody else."""
    (id_,) = deliver(tmp_path / "app.db", "charge.succeeded")
    (tmp_path / "loud.py").write_text(
        "from tests.system.work_app import configured\nfrom app import router\nconfigured()\n"
    )
    (tmp_path / "app.py").write_text(SHOP.format(database="app.db"), "utf-8")
    command = "-m stripe_events work loud --burst"
    with running(command, tmp_path, PYTHONPATH=str(ROOT)) as process:
        printed = process.rest()
    assert 1 == printed.count("app: paid\n"), id_
    assert 1 == printed.count("paid\n")


def test_supervisors_are_told_how_it_is(tmp_path: Path) -> None:
    """A store that is not there is told, and tried until it is; then all is well."""
    database, file = tmp_path / "later" / "app.db", tmp_path / "health.json"
    options = ("--health 0", f"--health-file {file}")
    with worker(tmp_path, *options, database=str(database)) as process:
        port = int(process.wait_for(r"health at http://127\.0\.0\.1:(\d+)/healthz$")[1])
        until(lambda: "store failing" == asked(port)[1]["state"])
        status, told = asked(port)
        assert (503, False) == (status, told["healthy"])
        assert "its directory must exist" in told["why"]
        assert not file.exists()
        database.parent.mkdir()
        (id_,) = deliver(database, "charge.succeeded")
        process.wait_for(rf"INFO paid {id_}: paid$")
        until(lambda: 200 == asked(port)[0])
        until(file.exists)
        assert json.loads(file.read_text("utf-8"))["healthy"]
        process.terminate()
        assert (0, "stripe-events: stopped: 1 handled") == ended(process)
    assert not file.exists()


def asked(port: int) -> tuple[int, dict[str, Any]]:
    """Give the answer of the health endpoint."""
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_a_reader_that_went_away_ends_it(tmp_path: Path) -> None:
    """Nothing that fails from now on would be seen, and the pipe does not come back."""
    deliver(tmp_path / "app.db")
    (tmp_path / "app.py").write_text(SHOP.format(database="app.db"), "utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "stripe_events", "work", "app", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=LIMIT,
    )
    os.close(writer)
    assert (1, b"") == (done.returncode, done.stderr)
