"""Workers on DynamoDB, which is moto's server, of which one is killed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.worker.applications import Office, handlers_on, lines
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.places import DynamoDBPlace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.dynamodb_server import DynamoDBServer


def test_workers_empty_the_inbox_though_one_is_killed(
    dynamodb_server: DynamoDBServer, file: Path
) -> None:
    """What it held is done by the other one; doomed events are dead."""
    events = [f"evt_{number}" for number in range(1, 9)]
    table = dynamodb_server.new_name()
    dynamodb_server.new_store(table).close()
    place = DynamoDBPlace("dynamodb", dynamodb_server.endpoint, table)
    options = {"handlers": handlers_on(place), "lease": 2.0}
    with closing(Office(place, file, **options)) as office, crew(place, file, **options) as workers:
        office.receive(*events)
        workers.hire()
        until(lambda: office.steps > 5)
        workers.kill()
        assert office.in_states({"claimed"})
        workers.hire(2)
        until(office.all_over)
        assert {"evt_7"} == office.in_states({"dead"})
        assert set(events) - {"evt_7"} == office.in_states({"done"})
    assert {f"{event}/file" for event in events} == set(lines(file))
