"""Imports point one way, and little is loaded before the first event is handled."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SRC = Path(__file__).parents[2] / "src"
PACKAGE = "stripe_events"

# From the ground up. A line is a layer; its rooms are the sets. A module may import
# what lies in lower layers and in its own room, never from a neighbour or from above.
# A package stands for its modules unless these have a place of their own.
LAYERS: tuple[tuple[set[str], ...], ...] = (
    ({"errors"}, {"_callables"}, {"_fork"}, {"_frozen"}, {"_patterns"}),
    ({"_messages"}, {"_payload"}, {"_retry"}),
    (
        {"_verification"},
        {"_envelope"},
        {
            "_catalogue_data",
            "_drafts",
            "_event",
            "_event_classes",
            "_event_index",
            "_fetch",
            "_parse",
            "_resources",
            "catalogue",
            "events",
            "notifications",
        },
    ),
    ({"_verify", "verification"}, {"observers"}, {"storage"}),
    ({"_enabled", "_handlers", "_registry", "_selectors"},),
    ({"_delivery"},),
    (
        {
            "_compilation",
            "_overdue",
            "_registrars",
            "_recording",
            "_registration",
            "_serving",
            "_store_options",
            "router",
        },
    ),
    ({"adapters"}, {"testing"}, {"_worker", "worker"}),
    ({"__main__", "cli"},),
)

FORBIDDEN = {"asyncio", "concurrent.futures", "logging", "sqlite3", "stripe", "traceback"}

FIRST_EVENT = dedent(
    """
    import json
    import sys

    from stripe_events import EventRouter
    from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated, InvoicePaid
    from stripe_events.testing import sign

    router = EventRouter(secrets="whsec_test")
    seen = []

    @router.on(ChargeSucceeded)
    def charge(event):
        seen.append(event.id)

    @router.on(CustomerSubscriptionUpdated, changed="status")
    def subscription(event, ctx):
        seen.append("the wrong one")

    @router.on(InvoicePaid)
    def invoice(event):
        seen.append("the wrong one")

    payload = {
        "id": "evt_1",
        "object": "event",
        "type": "charge.succeeded",
        "created": 1700000000,
        "livemode": False,
        "data": {"object": {"id": "ch_1", "object": "charge", "amount": 100}},
    }
    body = json.dumps(payload).encode()
    response = router.handle(body, sign(body, "whsec_test"))
    assert (response.status, seen) == (200, ["evt_1"]), (response, seen)

    def decorated(cls):
        for sub in type.__subclasses__(cls):
            if "__dataclass_params__" in vars(sub):
                yield f"{sub.__module__}.{sub.__qualname__}"
            yield from decorated(sub)

    found = {"modules": sorted(sys.modules), "dataclasses": sorted(set(decorated(object)))}
    sys.stdout.write(json.dumps(found))
    """
)


class Import(NamedTuple):
    """One imported module, by whom, in which line, and whether at the top of the file."""

    importer: str
    imported: str
    line: int
    at_top: bool


def name_of(path: Path) -> str:
    """Give the dotted name of a source file."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted((SRC / PACKAGE).rglob("*.py"))}


def statements(node: ast.AST, *, at_top: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """
    Give every import below ``node``, and whether importing the file executes it.

    Blocks under ``if TYPE_CHECKING:`` are left out: they never run, and annotations
    may point anywhere.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_top
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from statements(ast.Module([other], []), at_top=at_top)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from statements(child, at_top=at_top and not inside)


def targets(statement: ast.stmt, package: str) -> Iterator[str]:
    """Give the modules that one import statement names; a name from a module is that module."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        relative = "." * statement.level + (statement.module or "")
        base = resolve_name(relative, package)
        for alias in statement.names:
            module = f"{base}.{alias.name}"
            yield module if module in FILES else base


def imports() -> list[Import]:
    """Read every import of the package off its sources."""
    found: list[Import] = []
    for name, path in FILES.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for statement, at_top in statements(ast.parse(path.read_text("utf-8"))):
            found += [
                Import(name, imported, statement.lineno, at_top)
                for imported in targets(statement, package)
            ]
    return found


def place(module: str) -> tuple[int, int] | None:
    """Give the layer and the room of a module, by the longest name that is placed."""
    inner = module.removeprefix(f"{PACKAGE}.")
    while inner:
        for level, layer in enumerate(LAYERS):
            for room, names in enumerate(layer):
                if inner in names:
                    return level, room
        inner = inner.rpartition(".")[0]
    return None


def may_import(importer: str, imported: str) -> bool:
    """Say whether the layers allow it: from below, or from the same room."""
    mine, theirs = place(importer), place(imported)
    return mine is not None and theirs is not None and (theirs[0] < mine[0] or theirs == mine)


def test_every_module_has_a_place() -> None:
    """A new module is put into a layer by whoever adds it."""
    homeless = [name for name in FILES if name != PACKAGE and place(name) is None]
    assert [] == homeless, f"add these to LAYERS in {__file__}"


def test_every_place_has_a_module() -> None:
    """No layer names what is no more."""
    placed = {f"{PACKAGE}.{name}" for layer in LAYERS for room in layer for name in room}
    assert set() == placed - set(FILES)


def test_imports_point_one_way() -> None:
    """Modules import from lower layers only; what functions import counts too."""
    wrong = [
        f"{FILES[one.importer]}:{one.line} {one.importer} imports {one.imported}"
        for one in imports()
        if one.importer != PACKAGE
        and one.imported.partition(".")[0] == PACKAGE
        and not may_import(one.importer, one.imported)
    ]
    assert [] == wrong


def test_no_circle_at_the_top_of_files() -> None:
    """Any module can be the first one imported."""
    graph: dict[str, set[str]] = defaultdict(set)
    for one in imports():
        if one.at_top and one.imported in FILES:
            graph[one.importer].add(one.imported)
    TopologicalSorter(graph).prepare()


def test_stripe_is_imported_only_inside_functions() -> None:
    """Importing our modules never loads the SDK."""
    eager = [
        f"{FILES[one.importer]}:{one.line}"
        for one in imports()
        if one.at_top and one.imported.partition(".")[0] == "stripe"
    ]
    assert [] == eager


@pytest.fixture(scope="module")
def first_event() -> dict[str, list[str]]:
    """Handle one event in a fresh interpreter, and tell what that has loaded."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", FIRST_EVENT], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    loaded: dict[str, list[str]] = json.loads(done.stdout)
    return loaded


def test_the_first_event_loads_no_heavy_module(first_event: dict[str, list[str]]) -> None:
    """Neither the SDK nor costly parts of the standard library are needed to handle an event."""
    assert set() == FORBIDDEN & set(first_event["modules"])


def test_the_first_event_needs_few_dataclasses(first_event: dict[str, list[str]]) -> None:
    """Each decorated class costs more than half a millisecond of start-up."""
    names = first_event["dataclasses"]
    assert len(names) <= 6, names
