"""
What the installed stripe-python says about event types.

Its sources are read as syntax trees: the Literals and the classes' forms are there
on every release, while importing 326 modules for their annotations takes seconds
and evaluates names that exist for type checkers only.
"""

from __future__ import annotations

import ast
from importlib.metadata import version
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tools.catalogue_file import NONE
from tools.naming import class_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Fact", "facts", "installed_version", "object_name", "snapshot_types", "thin_facts"]

_THIN_PREFIX: Final = "v1."
_NOTIFICATION: Final = "EventNotification"


class Fact(NamedTuple):
    """One event type, and the cells of its catalogue row that follow from the SDK."""

    type: str
    kind: str
    cells: dict[str, str]


def installed_version() -> str:
    """Give the installed release of stripe-python."""
    return version("stripe")


def facts() -> list[Fact]:
    """
    Give every type that the installed stripe-python knows, snapshot ones first.

    Of a snapshot type the SDK says nothing but its name; where a thin type mirrors
    it and has a related object, that object's class is taken for it.
    """
    thin = thin_facts()
    mirrored = {fact.type.removeprefix(_THIN_PREFIX): fact.cells for fact in thin}
    return [*(_snapshot_fact(type_, mirrored.get(type_)) for type_ in snapshot_types()), *thin]


def snapshot_types() -> list[str]:
    """Give the types in the Literal of ``stripe.Event.type``, in the SDK's order."""
    tree = ast.parse((_package() / "_event.py").read_text(encoding="utf-8"))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    annotations = (_annotation(node, "type") for node in classes if node.name == "Event")
    return [text for annotation in annotations if annotation for text in _strings(annotation)]


def thin_facts() -> list[Fact]:
    """Give the thin types: one per notification class in the modules of ``stripe.events``."""
    folder = _package() / "events"
    return [fact for path in sorted(folder.glob("_v*_event.py")) for fact in _facts_of_module(path)]


def object_name(name: str) -> str | None:
    """
    Give what objects of an SDK class say in ``object``; None where the class fixes nothing.

    Raises:
        AttributeError: the installed stripe-python has no such class.
    """
    import stripe

    found: Any = attrgetter(name.removeprefix("stripe."))(stripe)
    return getattr(found, "OBJECT_NAME", None)


def _package() -> Path:
    spec = find_spec("stripe")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("stripe is not installed")
    return Path(spec.origin).parent


def _snapshot_fact(type_: str, mirrored: dict[str, str] | None) -> Fact:
    cells = {"class": class_name(type_)}
    if mirrored and mirrored["resource"] != NONE:
        cells |= {column: mirrored[column] for column in ("resource", "object")}
    return Fact(type_, "snapshot", cells)


def _facts_of_module(path: Path) -> Iterator[Fact]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, notification in classes.items():
        if name.endswith(_NOTIFICATION):
            short = name.removesuffix(_NOTIFICATION)
            resource = _related_class(tree, notification)
            cells = {
                "class": short,
                "resource": resource or NONE,
                "event_class": f"stripe.events.{short}Event",
                "object": (object_name(resource) if resource else None) or NONE,
                "data": "yes" if _annotation(classes[f"{short}Event"], "data") else NONE,
            }
            yield Fact(_lookup_type(notification), "thin", cells)


def _lookup_type(notification: ast.ClassDef) -> str:
    annotation = _annotation(notification, "type")
    if annotation is None:
        raise ValueError(f"{notification.name} has no Literal of its type")
    return next(_strings(annotation))


def _related_class(tree: ast.Module, notification: ast.ClassDef) -> str | None:
    for node in notification.body:
        if isinstance(node, ast.FunctionDef) and node.name == "fetch_related_object":
            if node.returns is None:
                raise ValueError(f"{notification.name} does not say what it fetches")
            name = next(_strings(node.returns))
            return f"{_public_module(tree, name)}.{name}"
    return None


def _public_module(tree: ast.Module, name: str) -> str:
    """Give ``stripe.billing`` for a class imported from ``stripe.billing._meter``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return (node.module or "").rpartition(".")[0]
    raise ValueError(f"{name} is fetched but not imported")


def _annotation(node: ast.ClassDef, name: str) -> ast.expr | None:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=found), annotation=annotation) if found == name:
                return annotation
            case _:
                pass
    return None


def _strings(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
