"""From ``package.module:attribute`` to the router that is meant."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stripe_events.errors import UsageError
from stripe_events.router import EventRouter

if TYPE_CHECKING:
    from types import ModuleType

_DEFAULT = "router"


def load(target: str, told_by: str = "--app") -> EventRouter:
    """
    Import a module and give the router in it.

    The current directory can be imported from, as with ASGI and WSGI servers. An error
    inside the module is printed with its traceback.

    Args:
        target: a module, and after a colon what the router is called in it; names may
            be dotted, and ``router`` is the default.
        told_by: the option or command that takes it, for messages.

    Raises:
        UsageError: there is no such module or attribute, or it is something else.
    """
    module_name, _, path = target.partition(":")
    found: Any = _imported(module_name, told_by)
    place = module_name
    for name in (path or _DEFAULT).split("."):
        if not hasattr(found, name):
            raise UsageError(f"{told_by} {target}: {place} has no {name!r}{_routers_in(found)}")
        found = getattr(found, name)
        place = f"{module_name}:{name}" if place == module_name else f"{place}.{name}"
    if not isinstance(found, EventRouter):
        raise UsageError(f"{told_by} {target}: {place} is {_kind(found)}")
    return found


def _imported(name: str, told_by: str) -> ModuleType:
    here = str(Path.cwd())
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{told_by} takes module:router, and {name!r} names no module")
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(name, error) from error
        msg = f"there is no module {error.name!r}, neither installed nor in {here}"
        raise UsageError(msg) from None
    except Exception as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> UsageError:
    traceback.print_exception(error)
    return UsageError(f"{name} cannot be imported: {type(error).__name__}: {error}")


def _routers_in(found: Any) -> str:
    names = [
        name
        for name, value in getattr(found, "__dict__", {}).items()
        if isinstance(value, EventRouter)
    ]
    return f"; its routers are: {', '.join(names)}" if names else ", nor any other EventRouter"


def _kind(found: Any) -> str:
    kind = f"{type(found).__name__}, not an EventRouter"
    return f"a {kind}: name what it gives" if isfunction(found) else f"of type {kind}"
