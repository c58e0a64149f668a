"""
The reviewed data file, ``tools/catalogue.tsv``: reading, writing, refusing mistakes.

The first line names the stripe-python release that the file was compared with,
the second the columns. Cells are separated by tabs; ``-`` is "none", alternatives
are separated by ``|``. Rows are sorted by kind, then by type.
"""

from __future__ import annotations

import keyword
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

__all__ = [
    "CATALOGUE",
    "COLUMNS",
    "NONE",
    "Catalogue",
    "CatalogueError",
    "Row",
    "cells_of",
    "dump",
    "load",
    "parse",
    "row_of",
]

CATALOGUE: Final = Path(__file__).with_name("catalogue.tsv")
NONE: Final = "-"
MAX_SUMMARY: Final = 96
"""Characters: with the indentation of a docstring it fits the project's line length."""

COLUMNS: Final = (
    "type",
    "kind",
    "class",
    "resource",
    "event_class",
    "object",
    "retired",
    "selection",
    "data",
    "summary",
)
_VERSION_PREFIX: Final = "# stripe "
_FLAGS: Final = {"yes": True, NONE: False}


class CatalogueError(ValueError):
    """Say what is wrong in the catalogue, with the type or line it is wrong at."""


class Row(NamedTuple):
    """
    One event type.

    ``resources``: stripe-python classes of ``data.object``, of a thin event those
    of its related object; empty if there is none. ``object_name``: what such an
    object says in ``object``, None where it varies. ``event_class``: the SDK's
    class of the fetched thin event. ``data``: that event carries data.
    """

    type: str
    kind: str
    class_name: str
    resources: tuple[str, ...]
    event_class: str | None
    object_name: str | None
    retired: bool
    selection: bool
    data: bool
    summary: str


class Catalogue(NamedTuple):
    """The rows, and the stripe-python release that they were compared with."""

    stripe_version: str
    rows: tuple[Row, ...]


def load(path: Path = CATALOGUE) -> Catalogue:
    """Read a catalogue from a file and refuse mistakes in it (CatalogueError)."""
    catalogue = parse(path.read_text(encoding="utf-8"))
    validate(catalogue.rows)
    return catalogue


def parse(text: str) -> Catalogue:
    """Read the form of a catalogue, not yet its sense; raises CatalogueError."""
    first, header, *lines = text.removesuffix("\n").split("\n")
    if not first.startswith(_VERSION_PREFIX):
        raise CatalogueError(f"line 1 must be {_VERSION_PREFIX!r} and a release, not {first!r}")
    if tuple(header.split("\t")) != COLUMNS:
        raise CatalogueError(f"line 2 must name the columns {', '.join(COLUMNS)}")
    rows = tuple(_row_of_line(number, line) for number, line in enumerate(lines, 3))
    return Catalogue(first.removeprefix(_VERSION_PREFIX), rows)


def dump(catalogue: Catalogue) -> str:
    """Write a catalogue, rows sorted; the exact opposite of ``parse``."""
    rows = sorted(catalogue.rows, key=lambda row: (row.kind, row.type))
    lines = ["\t".join(cells_of(row).values()) for row in rows]
    return "\n".join([_VERSION_PREFIX + catalogue.stripe_version, "\t".join(COLUMNS), *lines, ""])


def cells_of(row: Row) -> dict[str, str]:
    """Give the cells of a row by column, as the file has them."""
    flags = ["yes" if flag else NONE for flag in (row.retired, row.selection, row.data)]
    resource = "|".join(row.resources) or NONE
    names = [row.class_name, resource, row.event_class or NONE, row.object_name or NONE]
    cells = [row.type, row.kind, *names, *flags, row.summary]
    return dict(zip(COLUMNS, cells, strict=True))


def row_of(cells: dict[str, str]) -> Row:
    """Give the row of some cells; a column that is absent is "none"."""
    texts = {column: cells.get(column, NONE) for column in COLUMNS}
    optional = {column: None if text == NONE else text for column, text in texts.items()}
    return Row(
        type=texts["type"],
        kind=texts["kind"],
        class_name=texts["class"],
        resources=tuple((optional["resource"] or "").split("|")) if optional["resource"] else (),
        event_class=optional["event_class"],
        object_name=optional["object"],
        retired=_FLAGS[texts["retired"]],
        selection=_FLAGS[texts["selection"]],
        data=_FLAGS[texts["data"]],
        summary=cells.get("summary", ""),
    )


def validate(rows: tuple[Row, ...]) -> None:
    """Refuse rows that nothing good could be generated from, all of them in one error."""
    problems = [f"{row.type}: {problem}" for row in rows for problem in _problems(row)]
    for kind in ("snapshot", "thin"):
        of_kind = [row for row in rows if row.kind == kind]
        problems += _repeated("type", [row.type for row in of_kind])
        problems += _repeated("class", [row.class_name for row in of_kind])
    if list(rows) != sorted(rows, key=lambda row: (row.kind, row.type)):
        problems.append("the rows are not sorted by kind and type")
    if problems:
        raise CatalogueError("\n".join(problems))


def _row_of_line(number: int, line: str) -> Row:
    cells = line.split("\t")
    if len(cells) != len(COLUMNS):
        raise CatalogueError(f"line {number} has {len(cells)} cells instead of {len(COLUMNS)}")
    try:
        return row_of(dict(zip(COLUMNS, cells, strict=True)))
    except KeyError as error:
        raise CatalogueError(f"line {number}: a flag is yes or {NONE}, not {error}") from None


def _problems(row: Row) -> list[str]:
    checks = {
        f"unknown kind {row.kind!r}": row.kind in {"snapshot", "thin"},
        f"bad class name {row.class_name!r}": _is_class_name(row.class_name),
        "no resource class": row.kind == "thin" or bool(row.resources),
        "resource classes must be named as stripe.X": all(map(_is_sdk_name, row.resources)),
        "the fetched event's class must be named for thin types, and only for them": (
            (row.kind == "thin") == _is_sdk_name(row.event_class or "")
        ),
        "no summary": bool(row.summary),
        f"the summary is over {MAX_SUMMARY} characters": len(row.summary) <= MAX_SUMMARY,
        "the summary must be one plain sentence with a full stop": _is_sentence(row.summary),
    }
    return [problem for problem, holds in checks.items() if not holds]


def _is_class_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and name[0].isupper()


def _is_sdk_name(name: str) -> bool:
    first, *rest = name.split(".")
    return first == "stripe" and bool(rest) and all(part.isidentifier() for part in rest)


def _is_sentence(text: str) -> bool:
    # A quote or a backslash would end or change the docstring it is put into.
    if not text:
        return True
    return text[0].isupper() and text[-1] == "." and text.isascii() and not {'"', "\\"} & {*text}


def _repeated(what: str, values: list[str]) -> list[str]:
    return [f"{what} {value} is there {n} times" for value, n in Counter(values).items() if n > 1]
