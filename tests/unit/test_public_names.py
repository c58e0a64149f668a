"""What is public is named in ``__all__``, documented, and reached by a name without underscore."""

from __future__ import annotations

import ast
from importlib import import_module
from inspect import getdoc
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SRC = Path(__file__).parents[2] / "src"

# What users import. Every other file is private: it, or a folder above it, begins with an
# underscore.
OFFERED = {
    "adapters",
    "catalogue",
    "cli",
    "errors",
    "events",
    "mirror",
    "notifications",
    "observers",
    "router",
    "storage",
    "stripe_api",
    "testing",
    "verification",
    "worker",
}
# Here users import from the files inside, one for each framework.
OFFERED_INSIDE = {"adapters"}


def name_of(path: Path) -> str:
    """Give the dotted name of a source file."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted((SRC / "stripe_events").rglob("*.py"))}
PUBLIC = [name for name in FILES if not any(part.startswith("_") for part in name.split("."))]


def parse(module: str) -> ast.Module:
    """Read a module's source."""
    return ast.parse(FILES[module].read_text("utf-8"))


def bound_names(node: ast.stmt, *, imports_too: bool) -> Iterator[str]:
    """Give the names that a statement at the top of a file binds, also under an ``if``."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Assign():
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name() as target):
            yield target.id
        case ast.If():
            for child in node.body:
                yield from bound_names(child, imports_too=imports_too)
        case ast.ImportFrom() if imports_too and (node.module or "").startswith("stripe_events"):
            yield from (alias.asname or alias.name for alias in node.names)
        case _:
            pass


def public_names(module: str, *, imports_too: bool) -> set[str]:
    """Give what a module defines, and if wanted also what it takes from other files of ours."""
    return {
        name
        for node in parse(module).body
        for name in bound_names(node, imports_too=imports_too)
        if not name.startswith("_")
    }


def undocumented(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """Give the public classes, functions and methods that lack a docstring."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        # The docstring of a property or an overloaded function stands once, at its first form
        # or its last.
        repeats = any(
            ast.unparse(decorator).endswith(("overload", ".setter", ".deleter"))
            for decorator in node.decorator_list
        )
        if node.name.startswith("_") or repeats:
            continue
        if ast.get_docstring(node) is None:
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body, f"{prefix}{node.name}.")


def load(module: str) -> Any:
    """Import a module, if the framework that it is for is installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing == "stripe_events" or not module.startswith("stripe_events.adapters."):
            raise
        pytest.skip(f"{missing} is not installed; `nox -s unit` has it on the newest Python")


def may_be_public(module: str) -> bool:
    """Say whether a module without underscore is one of those that users are told of."""
    _, *path = module.split(".")
    return OFFERED.issuperset(path[:1]) and (len(path) < 2 or path[0] in OFFERED_INSIDE)


def test_every_other_file_is_private() -> None:
    """Only the documented modules can be imported without touching an underscore."""
    assert [] == [module for module in PUBLIC if not may_be_public(module)]


@pytest.mark.parametrize("module", PUBLIC)
def test_all_holds_the_public_names(module: str) -> None:
    """``__all__`` is complete, and each of its names can be had."""
    loaded = load(module)
    offered = public_names(module, imports_too=True)
    if FILES[module].name != "__init__.py":  # which imports in order to offer; others, to use
        offered &= public_names(module, imports_too=False) | set(loaded.__all__)
    assert sorted(offered) == sorted(loaded.__all__)
    assert [] == [name for name in loaded.__all__ if not hasattr(loaded, name)]


@pytest.mark.parametrize("module", FILES)
def test_public_classes_and_functions_have_docstrings(module: str) -> None:
    """What has no leading underscore tells its contract, in private modules too."""
    silent = list(undocumented(parse(module).body, ""))
    loaded = load(module)
    # A method that takes the place of a base's may leave the word to that one.
    inherited = {name for name in silent if "." in name and getdoc(attrgetter(name)(loaded))}
    assert [] == [name for name in silent if name not in inherited]
