"""
Compare the catalogue with the installed stripe-python: ``python -m tools.refresh [--write]``.

Lists what is new, gone, different or without a summary and exits with 1 if there is
anything. ``--write`` adds new types, takes over what the SDK says of known ones and
notes the release; types that are gone are left for a person, who decides whether
they are retired. New rows have no summary, so that the generator refuses them
until somebody has written one.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tools import catalogue_file, overrides, sdk
from tools.catalogue_file import Catalogue, Row, cells_of, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.sdk import Fact

__all__ = ["findings", "main", "refreshed"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give 1 if there is anything to review, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.refresh", description=__doc__)
    parser.add_argument("--write", action="store_true", help="take over what can be")
    options = parser.parse_args(arguments)
    text = catalogue_file.CATALOGUE.read_text(encoding="utf-8")
    catalogue = catalogue_file.parse(text)
    facts = overrides.apply(overrides.load(), sdk.facts())
    found = findings(catalogue.rows, facts)
    print("\n".join(found) or f"the catalogue agrees with stripe {sdk.installed_version()}")
    if options.write:
        written = refreshed(catalogue.rows, facts)
        new = catalogue_file.dump(Catalogue(sdk.installed_version(), written))
        catalogue_file.CATALOGUE.write_text(new, encoding="utf-8", newline="\n")
    return 1 if found else 0


def findings(rows: Iterable[Row], facts: Iterable[Fact]) -> list[str]:
    """Give one line per thing to review, sorted; empty where rows and facts agree."""
    known = {(row.kind, row.type): row for row in rows}
    said = {(fact.kind, fact.type): fact for fact in facts}
    current = {key for key, row in known.items() if not row.retired}
    lines = [f"new: {type_} ({kind})" for kind, type_ in said.keys() - known.keys()]
    lines += [f"gone: {type_} ({kind})" for kind, type_ in current - said.keys()]
    lines += [f"back: {type_} ({kind})" for kind, type_ in said.keys() & known.keys() - current]
    lines += [f"no summary: {type_}" for (_, type_), row in known.items() if not row.summary]
    both = known.keys() & said.keys()
    lines += [line for key in both for line in _changes(known[key], said[key])]
    lines += [line for row in known.values() for line in _unresolved(row)]
    return sorted(lines)


def refreshed(rows: Iterable[Row], facts: Iterable[Fact]) -> tuple[Row, ...]:
    """Give the rows with what the facts say taken over, and a row for each new type."""
    by_type = {(row.kind, row.type): row for row in rows}
    for fact in facts:
        key = (fact.kind, fact.type)
        before = cells_of(by_type[key]) if key in by_type else {"summary": ""}
        cells = {**before, **fact.cells, "type": fact.type, "kind": fact.kind}
        by_type[key] = row_of(cells)
    return tuple(by_type.values())


def _changes(row: Row, fact: Fact) -> list[str]:
    cells = cells_of(row)
    return [
        f"changed: {row.type}: {column} is {text!r} in the SDK, {cells[column]!r} here"
        for column, text in fact.cells.items()
        if cells[column] != text
    ]


def _unresolved(row: Row) -> list[str]:
    """Tell which classes of a row are missing, or are of objects of another name."""
    lines: list[str] = []
    for name in row.resources:
        try:
            says = sdk.object_name(name)
        except AttributeError:
            lines.append(f"no such class: {row.type}: {name}")
        else:
            if row.object_name and says and says != row.object_name:
                problem = f"{name} is {says!r}, not {row.object_name!r}"
                lines.append(f"other object: {row.type}: {problem}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
