"""What ``stripe-events events`` can be told; nothing but argparse is needed to read it."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import TYPE_CHECKING, Any, Final, get_args

from stripe_events.cli._ages import age
from stripe_events.storage._records import State
from stripe_events.storage._table import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_OVERDUE: Final = "5m"

_AGES: Final = "AGE is a whole number and s, m, h, d or w: 90s, 15m, 2h, 3d, 4w."

_EVENTS: Final = """\
Look at the ledger of recorded events and act on it, with the store of a router.
Which one is told by --app, as with ASGI and WSGI servers: --app shop.webhooks:router."""

_LIST: Final = f"List recorded events, oldest first. All filters must hold. {_AGES}"

_SHOW: Final = """\
Show all that is recorded of an event: what happened to it with each handler, with
tracebacks, and what would run now. The exit status is 1 if it is not in the ledger."""

_RETRY: Final = """\
Let events that failed or are dead run again, at once and with their attempts forgotten:
those handlers that have not succeeded. Events are given by id or by filters. They become
due; a worker or router.rescue() runs them, or --run. The exit status is 1 if any was
refused, or did not go well with --run."""

_REPLAY: Final = """\
Let events that are done or dead run again, also handlers that have succeeded: whatever
these do happens once more, exactly-once is waived. Events are given by id or by filters.
They become due; a worker or router.rescue() runs them, or --run. The exit status is 1 if
any was refused, or did not go well with --run."""

_DROP: Final = """\
Settle a handler for good without running it, in events given by id or by filters. An
event whose other handlers are settled is then done. The exit status is 1 if any was
refused."""

_ERASE: Final = """\
Let go of the payloads, error messages and tracebacks of events that are done or dead, at
any age. The events stay known, so that they do not run twice, but cannot be retried or
replayed any more. The exit status is 1 if an id was refused."""

_FORGET: Final = """\
Let go of events that are done and were last seen 31 days ago or longer. It may be run at
any time, as by cron, and interrupted."""

_OVERDUE_TEXT: Final = """\
Say how many events should have run by now and have not: the one figure to alert on. The
exit status is 1 if there are any, else 0."""


def add_events(commands: Any) -> None:
    """Add the command and all below it."""
    parser = commands.add_parser(
        "events", help="look at the ledger of events and act on it", description=_EVENTS
    )
    add = parser.add_subparsers(title="commands", dest="action", required=True).add_parser
    _add_list(add("list", help="list events by state, type, age, ...", description=_LIST))
    _add_show(add("show", help="show all that is known of an event", description=_SHOW))
    _add_rerun(add("retry", help="run again what failed or is dead", description=_RETRY), "retry")
    _add_rerun(add("replay", help="run again what is done, too", description=_REPLAY), "replay")
    _add_drop(add("drop", help="settle a handler without running it", description=_DROP))
    _add_erase(add("erase", help="let go of payloads and tracebacks", description=_ERASE))
    _add_forget(add("forget", help="let go of old events", description=_FORGET))
    _add_overdue(add("overdue", help="the figure to alert on", description=_OVERDUE_TEXT))


def _add_list(parser: ArgumentParser) -> None:
    _add_filters(parser, get_args(State))
    _add_handler(parser, "planned with this handler")
    parser.add_argument(
        "--limit", type=_count, default=50, metavar="N", help="at most so many (50); 0 for all"
    )
    _add_common(parser, "one JSON object per event and line, without tracebacks")


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="EVENT_ID")
    parser.add_argument("--payload", action="store_true", help="only the event as Stripe sent it")
    _add_common(parser, "one JSON object; with --payload it has the payload, too")


def _add_rerun(parser: ArgumentParser, verb: str) -> None:
    _add_selection(parser, verb)
    _add_handler(parser, "only this handler")
    parser.add_argument(
        "--run",
        action="store_true",
        help="then run in this process, once, all that is due (not only these events)",
    )
    _add_common(parser, "one JSON object per event and line")


def _add_drop(parser: ArgumentParser) -> None:
    _add_selection(parser, "drop")
    _add_handler(parser, "the handler to settle", required=True)
    _add_common(parser, "one JSON object per event, handler and line")


def _add_erase(parser: ArgumentParser) -> None:
    _add_selection(parser, "erase")
    _add_common(parser, "the total as JSON, after a line for each id that was refused")


def _add_forget(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--older-than",
        type=_forgettable_age,
        metavar="AGE",
        help=f"last seen longer ago than this; 31d by default, and at least. {_AGES}",
    )
    parser.add_argument("--dead", action="store_true", help="dead events, too")
    _add_common(parser, "the total as JSON")


def _add_overdue(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--grace",
        type=age,
        default=_OVERDUE,
        metavar="AGE",
        help=f"how long after its time an event is overdue ({_OVERDUE}). {_AGES}",
    )
    _add_common(parser, "one JSON object")


def _add_common(parser: ArgumentParser, json_help: str) -> None:
    parser.add_argument(
        "--app",
        required=True,
        metavar="MODULE:ROUTER",
        help="where the router is; ':router' may be left out",
    )
    parser.add_argument("--json", action="store_true", help=json_help)


def _add_selection(parser: ArgumentParser, verb: str) -> None:
    parser.add_argument("ids", nargs="*", metavar="EVENT_ID")
    allowed = {row.source for row in TRANSITIONS if row.verb == verb}
    states = tuple(state for state in get_args(State) if state in allowed)
    parser.set_defaults(allowed_states=states)
    _add_filters(parser, states)
    parser.add_argument("--all", action="store_true", help="instead of filters: whatever there is")
    parser.add_argument("--yes", action="store_true", help="do not ask what filters have found")
    parser.epilog = f"All filters must hold. {_AGES}"


def _add_filters(parser: ArgumentParser, states: Sequence[str]) -> None:
    add = parser.add_argument_group("filters").add_argument
    add(
        "--state",
        action="append",
        default=[],
        choices=states,
        metavar="STATE",
        help=f"one of {', '.join(states)}; may be given several times",
    )
    add("--type", metavar="PATTERN", help="as in invoice.*, where * is any run of characters")
    add("--account", metavar="ID", help="of this connected account")
    add("--older-than", type=age, metavar="AGE", help="last seen longer ago than this")
    add("--newer-than", type=age, metavar="AGE", help="last seen since")
    add(
        "--overdue",
        type=age,
        nargs="?",
        const=_OVERDUE,
        metavar="AGE",
        help=f"should have run longer ago than this ({_OVERDUE})",
    )


def _add_handler(parser: ArgumentParser, text: str, *, required: bool = False) -> None:
    parser.add_argument(
        "--handler",
        metavar="NAME",
        action="append",
        dest="handlers",
        default=[],
        required=required,
        help=f"{text}; may be given several times",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        msg = f"{text!r} is no whole number from 0 up"
        raise ArgumentTypeError(msg)
    return int(text)


def _forgettable_age(text: str) -> float:
    from stripe_events.storage._transitions import FORGET_FLOOR

    seconds = age(text)
    if seconds < FORGET_FLOOR:
        msg = (
            f"{text} is less than 31d: Stripe lists events for 30 days, and one that was "
            "forgotten sooner could come in again and be handled twice"
        )
        raise ArgumentTypeError(msg)
    return seconds
