"""The generator writes whole sets of files, and its check finds any difference from them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tools import catalogue_file, generate, readme_table
from tools.catalogue_file import Catalogue, Row

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ruff", reason="the generator formats what it writes")

README = f"# A project\n\nBefore.\n\n{readme_table.START}\nold\n{readme_table.END}\n\nAfter.\n"
CHARGE = "src/stripe_events/events/_charge.py"

ROWS = (
    Row(
        type="charge.succeeded",
        kind="snapshot",
        class_name="ChargeSucceeded",
        resources=("stripe.Charge",),
        event_class=None,
        object_name="charge",
        retired=False,
        selection=False,
        data=False,
        summary="A charge succeeded.",
    ),
    Row(
        type="customer.created",
        kind="snapshot",
        class_name="CustomerCreated",
        resources=("stripe.A", "stripe.B"),
        event_class=None,
        object_name=None,
        retired=True,
        selection=False,
        data=False,
        summary="A source was added.",
    ),
    Row(
        type="v2.core.account_link.returned",
        kind="thin",
        class_name="V2CoreAccountLinkReturned",
        resources=(),
        event_class="stripe.events.V2CoreAccountLinkReturnedEvent",
        object_name=None,
        retired=False,
        selection=False,
        data=True,
        summary="A link was used.",
    ),
)


def save(root: Path, rows: tuple[Row, ...]) -> None:
    """Write the data file of a project."""
    text = catalogue_file.dump(Catalogue("16.1.0", rows))
    (root / "tools/catalogue.tsv").write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a small project in which everything has been generated."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "README.md").write_text(README)
    save(tmp_path, ROWS)
    assert 0 == generate.main([], tmp_path)
    return tmp_path


def check(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Give the exit status of a check and what it printed."""
    status = generate.main(["--check"], root)
    return status, capsys.readouterr().out


def test_what_was_generated_is_fresh(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generating is stable: the same input gives the same bytes, formatting included."""
    assert (0, "10 generated files are fresh\n") == check(project, capsys)


def test_a_changed_byte_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The diff names the file and shows both lines; the file is left as it is."""
    path = project / CHARGE
    changed = path.read_text().replace("A charge succeeded.", "A charge succeeded!")
    path.write_text(changed)
    status, out = check(project, capsys)
    diff = [line.strip() for line in out.splitlines() if line.startswith(("+", "-"))]
    assert 1 == status
    assert [
        f"--- {CHARGE} (there)",
        f"+++ {CHARGE} (generated)",
        "-    A charge succeeded!",
        "+    A charge succeeded.",
    ] == diff
    assert changed == path.read_text()


def test_a_changed_line_end_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes are compared, not lines, and the difference can be seen."""
    path = project / CHARGE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    status, out = check(project, capsys)
    assert (1, True) == (status, "__slots__ = ()\\r" in out)


def test_a_lost_last_newline_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the texts are equal line by line."""
    path = project / CHARGE
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert 1 == check(project, capsys)[0]


def test_a_missing_file_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its whole text is the difference."""
    (project / CHARGE).unlink()
    status, out = check(project, capsys)
    assert (1, True) == (status, "+class ChargeSucceeded" in out)


@pytest.mark.parametrize(
    "extra", ["events/_gone.py", "notifications/_gone.py", "events/notes.txt", "events/deep/a.py"]
)
def test_a_file_that_nothing_is_generated_for_is_found(
    project: Path, capsys: pytest.CaptureFixture[str], extra: str
) -> None:
    """The packages hold generated files only; an empty one counts too."""
    path = project / "src/stripe_events" / extra
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    status, out = check(project, capsys)
    assert (1, True) == (status, f"--- src/stripe_events/{extra} (there)" in out)


def test_compiled_files_are_no_difference(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Running the tests before the check must not fail it."""
    cache = project / "src/stripe_events/events/__pycache__"
    cache.mkdir()
    (cache / "_charge.cpython-313.pyc").write_bytes(b"\xff\x00")
    assert 0 == check(project, capsys)[0]


def test_a_changed_catalogue_makes_files_stale(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A type that left the catalogue leaves the packages, by the check and by the command."""
    save(project, ROWS[1:])
    assert (1, False) == (check(project, capsys)[0], not (project / CHARGE).exists())
    assert (0, True) == (generate.main([], project), not (project / CHARGE).exists())
    assert 0 == check(project, capsys)[0]


def test_a_stale_readme_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table belongs to what is generated."""
    readme = project / "README.md"
    readme.write_text(readme.read_text().replace("| `charge` | 1 |", "| `charge` | 2 |"))
    status, out = check(project, capsys)
    assert (1, True) == (status, "+++ README.md (generated)" in out)


def test_only_the_table_of_the_readme_is_written(project: Path) -> None:
    """What people wrote around it stays, byte for byte."""
    text = (project / "README.md").read_text()
    before, _, rest = text.partition(readme_table.START)
    table, _, after = rest.partition(readme_table.END)
    assert ("# A project\n\nBefore.\n\n", "\n\nAfter.\n") == (before, after)
    assert ["| `charge` | 1 |  |", "| `customer` | 1 |  |", "| `v2.core` |  | 1 |"] == [
        line for line in table.splitlines() if line.startswith("| `")
    ]


def test_the_page_of_events_lists_every_type(project: Path) -> None:
    """A type stands with its class and resources; who looks for it finds it there."""
    page = (project / "docs/events.md").read_text()
    assert [
        "| `charge.succeeded` | `ChargeSucceeded` | `stripe.Charge` |",
        "| `customer.created` (retired) | `CustomerCreated` | `stripe.A` or `stripe.B` |",
        "| `v2.core.account_link.returned` | `V2CoreAccountLinkReturned` | none |",
    ] == [line for line in page.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(
    "readme",
    [
        "no markers",
        readme_table.START,
        f"{readme_table.END}{readme_table.START}",
        f"{README}{README}",
        f"{README}{readme_table.END}",
    ],
)
def test_a_readme_without_its_markers_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], readme: str
) -> None:
    """Rather than written over; nothing else is written either."""
    (project / "README.md").write_text(readme)
    (project / CHARGE).write_text("stale")
    assert 2 == generate.main([], project)
    assert "README.md must have" in capsys.readouterr().err
    assert (readme, "stale") == (
        (project / "README.md").read_text(),
        (project / CHARGE).read_text(),
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"summary": ""}, "no summary"), ({"class_name": "not good"}, "bad class name")],
)
def test_a_bad_catalogue_generates_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], problem: str
) -> None:
    """The command says which type is wrong and leaves every file alone."""
    before = generate.existing(project)
    save(project, (ROWS[0]._replace(**change), *ROWS[1:]))
    assert 2 == generate.main([], project)
    assert (True, before) == (
        f"charge.succeeded: {problem}" in capsys.readouterr().err,
        generate.existing(project),
    )


def test_generated_files_name_their_origin(project: Path) -> None:
    """Whoever opens one reads at once what to edit instead."""
    files = generate.existing(project)
    del files["README.md"]
    assert [] == [path for path, text in files.items() if "@generated" not in text.splitlines()[0]]


def test_classes_have_the_form_that_checkers_accept(project: Path) -> None:
    """The base's arguments are strings, so that stripe is named and not imported."""
    tree = ast.parse((project / CHARGE).read_text())
    [found] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    body = [ast.unparse(node) for node in found.body[1:]]
    assert (
        ["Event['stripe.Charge']"],
        [
            "__slots__ = ()",
            "type: ClassVar[Literal['charge.succeeded']] = 'charge.succeeded'",
        ],
    ) == ([ast.unparse(base) for base in found.bases], body)
