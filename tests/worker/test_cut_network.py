"""A worker whose network is cut in the middle of a claim: nobody tells it that it lost that."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.observers import Failed
from stripe_events.worker import Worker
from tests.stores.faults.proxy import proxy_to
from tests.worker.applications import LEASE, Office, add_line, lines
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.places import Place, RedisPlace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stores.faults.proxy import Proxy
    from tests.worker.places import AnyPlace

PATIENT = 60.0
SHORT = LEASE / 2


class Remote(Office):
    """
    An office on the other side of a network; its handlers wait for ``gate`` to be there.

    It writes down what its deliveries fail with.
    """

    def __init__(self, place: AnyPlace, file: Path, gate: Path, handler: str, at: int) -> None:
        """Register one handler, which waits at one of its steps."""
        self.gate = gate
        self.left = at
        super().__init__(place, file, (handler,), place.store(timeout=PATIENT), lease=SHORT)
        self.router.observe(Failed)(self._note)
        self.step = self._wait

    def _wait(self) -> None:
        self.left -= 1
        if self.left == 0:
            add_line(self.file, "waits")
            until(self.gate.exists)

    def _note(self, record: Failed) -> None:
        add_line(self.file, type(record.error).__name__)


class Way:
    """A place, and the way to it that can be cut."""

    def __init__(self, place: AnyPlace, far: AnyPlace, proxy: Proxy) -> None:
        """Take them."""
        self.place, self.far, self.proxy = place, far, proxy


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Give a place on a server, and one on the same server that is behind a proxy."""
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_database")
        server = request.getfixturevalue("postgres_server")
    else:
        server = request.getfixturevalue("redis_server")
    with proxy_to(server.socket) as proxy:
        if request.param == "postgres":
            near: AnyPlace = Place("postgres", server.dsn(database))
            far: AnyPlace = Place("postgres", proxy.dsn(database))
        else:
            near = RedisPlace("redis", server.url)
            far = RedisPlace("redis", f"redis://127.0.0.1:{proxy.port}")
        near.create()
        yield Way(near, far, proxy)


CUTS = [
    ("postgres", "block", 1),
    ("postgres", "block", 2),
    ("postgres", "block", 3),
    ("postgres", "joined", 1),
    ("postgres", "joined", 2),
    ("postgres", "file", 2),
    ("redis", "file", 2),
]
"""On which server, in which handler, at which of its steps."""


@pytest.mark.parametrize(("way", "handler", "at"), CUTS, indirect=["way"])
def test_late_writes_are_refused(way: Way, file: Path, handler: str, at: int) -> None:
    """The other worker takes over after the lease; the first one goes on with other events."""
    gate = file.with_name("gate")
    with (
        closing(Office(way.place, file, (handler,), lease=SHORT)) as office,
        crew(way.far, file, Remote, gate=gate, handler=handler, at=at) as cut_off,
    ):
        office.receive("evt_1")
        cut_off.hire()
        until(lambda: "waits" in lines(file))
        way.proxy.hold()
        gate.touch()
        taken_over(office)
        way.proxy.let_pass()
        until(lambda: "LostClaim" in lines(file))
        assert (1, 2) == (lines(file)["LostClaim"], office.records()["evt_1"].handlers[0].token)
        office.receive("evt_2")
        until(office.all_over)
        assert {"evt_1", "evt_2"} == office.in_states({"done"})
    check_effects(way, file, handler)


@pytest.mark.parametrize(
    ("way", "handler"),
    [("postgres", "block"), ("postgres", "file"), ("redis", "file")],
    indirect=["way"],
)
def test_a_claim_whose_answer_comes_too_late(way: Way, file: Path, handler: str) -> None:
    """It has run out when the worker hears of it: nothing is begun, and the next event is."""
    with (
        closing(Office(way.place, file, (handler,), lease=SHORT)) as office,
        crew(way.far, file, Remote, gate=file, handler=handler, at=0) as cut_off,
    ):
        way.proxy.hold_when(lambda: office.in_states({"claimed"}) == {"evt_1"})
        office.receive("evt_1")
        cut_off.hire()
        until(lambda: way.proxy.holds)
        taken_over(office)
        way.proxy.let_pass()
        office.receive("evt_2")
        until(office.all_over)
        assert {"evt_1", "evt_2"} == office.in_states({"done"})
    check_effects(way, file, handler, runs=1)


def taken_over(office: Office) -> None:
    """Let another worker end all there is."""
    with Worker(office.router, poll=0.1):
        until(office.all_over)
    assert 1 == office.records()["evt_1"].abandoned


def check_effects(way: Way, file: Path, handler: str, runs: int = 2) -> None:
    """See that transactions counted once, and what is outside of them as often as it was begun."""
    if handler == "file":
        assert {"evt_1/file": runs, "evt_2/file": 1} == {
            line: times for line, times in lines(file).items() if "/" in line
        }
    else:
        assert {("evt_1", handler): 1, ("evt_2", handler): 1} == way.place.effects()
