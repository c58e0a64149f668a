"""What ``stripe-events work`` can be told; nothing but argparse is needed to read it."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from typing import Any, Final, NamedTuple

_WORK: Final = """\
Run what is due in the inbox of a router: what its deliveries have put there, what failed
and is to be tried again, what processes that died have left. It goes on until SIGTERM or
SIGINT, which let running handlers finish; a second one ends it at once. Start as many
as you like, on as many machines: an event has one valid claim."""

_STATUS: Final = """\
exit status:
  0    stopped as it was asked to, or with --burst nothing is due any more
  1    with --burst: an attempt failed, or an event died; or the store failed as it was
       used or closed, or nobody reads the output any more
  2    wrong usage, or an app that cannot be used
  3    handlers were still running in threads after --stop-within; they were left
       behind, and their events are due again when their leases are over
  130  ended at once by a second SIGINT
  143  ended at once by a second SIGTERM"""

_MOST_PORT: Final = 65_535


class Address(NamedTuple):
    """Where the health endpoint listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Give it as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def add_work(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "work",
        help="run what is due in the inbox of a router",
        description=_WORK,
        epilog=_STATUS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target", metavar="MODULE:ROUTER", help="where the router is; ':router' may be left out"
    )
    _add_pace(parser.add_argument_group("how it works").add_argument)
    _add_words(parser.add_argument_group("what it tells").add_argument)


def _add_pace(add: Any) -> None:
    add(
        "--concurrency",
        type=_count,
        default=10,
        metavar="N",
        help="how many events are worked on at once (10); for handlers that mostly compute, "
        "start more workers instead",
    )
    add(
        "--poll",
        type=_time,
        metavar="SECONDS",
        help="how long between two looks while nothing is due (as the store advises, else 1)",
    )
    add(
        "--time-limit",
        type=_time,
        default=900.0,
        metavar="SECONDS",
        help="how long the handlers of one event may take (900); then its lease is left to "
        "run out, and another worker may begin",
    )
    add(
        "--stop-within",
        type=_patience,
        default=30.0,
        metavar="SECONDS",
        help="how long running handlers have to finish when it is stopped (30)",
    )
    add(
        "--burst",
        action="store_true",
        help="end when nothing is due any more; what is due later is not waited for",
    )


def _add_words(add: Any) -> None:
    add(
        "--json",
        action="store_true",
        help="one JSON object per line on standard output: progress, and what is logged",
    )
    add(
        "--health-file",
        metavar="PATH",
        help="written every two seconds while it is healthy; its age tells a supervisor",
    )
    add(
        "--health",
        type=address,
        metavar="[HOST:]PORT",
        help="serve GET /healthz there: 200 while it is healthy, else 503 (HOST: 127.0.0.1)",
    )


def address(text: str) -> Address:
    """
    Give the host and port that a text means: ``8081``, ``0.0.0.0:8081``, ``[::1]:8081``.

    Raises:
        ArgumentTypeError: it means none.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _MOST_PORT) or text.startswith(":"):
        msg = f"{text!r} is neither a port nor HOST:PORT"
        raise ArgumentTypeError(msg)
    return Address(host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        msg = f"{text!r} is no whole number from 1 up"
        raise ArgumentTypeError(msg)
    return int(text)


def _time(text: str) -> float:
    seconds = _patience(text)
    if not seconds:
        raise ArgumentTypeError("it takes seconds above 0")
    return seconds


def _patience(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        msg = f"{text!r} is no number of seconds from 0 up"
        raise ArgumentTypeError(msg)
    return seconds
