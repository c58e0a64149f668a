"""``stripe-events events``: which command does what, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stripe_events.cli._app import load
from stripe_events.cli._events_acting import act
from stripe_events.cli._events_looking import list_, overdue
from stripe_events.cli._events_retention import erase, forget
from stripe_events.cli._events_show import show
from stripe_events.cli._ledger import Ledger
from stripe_events.cli._text import bear_any_character, complain
from stripe_events.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

_COMMANDS: Final[Mapping[str, Callable[[Ledger, Namespace], int]]] = {
    "list": list_,
    "show": show,
    "retry": act,
    "replay": act,
    "drop": act,
    "erase": erase,
    "forget": forget,
    "overdue": overdue,
}


def events(arguments: Namespace) -> int:
    """
    Run a command on the ledger of the router that ``--app`` names.

    Returns:
        Its exit status: 2 for a wrong usage, an app that cannot be had included, and 1
        for a store that failed.
    """
    bear_any_character()
    try:
        with Ledger(load(arguments.app)) as ledger:
            return _COMMANDS[arguments.action](ledger, arguments)
    except UsageError as error:
        complain(str(error))
        return 2
    except StoreError as error:
        complain(f"the store failed: {error}")
        return 1
