"""Each message between the application and PostgreSQL is lost once, and all ends well."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from stripe_events._delivery.heartbeat import Heartbeat
from tests.stores.faults.applications import EXACTLY_ONCE, Application, lines
from tests.stores.faults.places import Place
from tests.stores.faults.proxy import proxy_to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.faults.proxy import Direction
    from tests.stores.postgres_server import PostgresServer


@pytest.mark.parametrize("direction", ["request", "answer"])
@pytest.mark.parametrize("stays_down", [False, True], ids=["reconnects", "stays down"])
def test_no_lost_message_loses_or_repeats_anything(
    postgres_server: PostgresServer,
    postgres_database: str,
    file: Path,
    direction: Direction,
    monkeypatch: pytest.MonkeyPatch,
    *,
    stays_down: bool,
) -> None:
    """200 says that it is done, be it a commit whose answer is lost; nobody is restarted."""
    monkeypatch.setattr(Heartbeat, "add", lambda *_: None)  # its messages would count, too
    direct = Place("postgres", postgres_server.dsn(postgres_database))
    direct.create()
    with proxy_to(postgres_server.socket) as proxy, closing(direct.store()) as ledger:
        place = Place("postgres", proxy.dsn(postgres_database))
        application = Application(place, file, lease=0.05, busy_wait=10.0)
        events: list[str] = []
        with closing(application):
            assert [500, 200] == application.deliver_until_200("evt_0")
            for number in count(1):
                events.append(f"evt_{number}")
                proxy.break_at(direction, number, stays_down=stays_down)
                while application.deliver(events[-1]).status != 200:
                    proxy.let_pass()
                stored = ledger.get("default", events[-1])
                assert stored is not None
                assert "done" == stored.record.state
                if not proxy.has_broken:
                    break
    assert number > 30, "two deliveries are more than a few messages"
    once = {(event, name): 1 for event in ["evt_0", *events] for name in EXACTLY_ONCE}
    assert once == direct.effects()
    assert {"evt_0", *events} == set(lines(file))
