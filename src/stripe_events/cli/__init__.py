"""
The command ``stripe-events``.

Nothing here needs an extra. What a command does is loaded when it is chosen, so that
``--help`` and usage errors are immediate. Results go to standard output, complaints
to standard error; 2 is the exit status of a wrong usage, as argparse has it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130
"""What shells give a command that Ctrl-C ended: 128 and the number of SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line and give its exit status.

    Args:
        argv: the arguments after the program's name; by default the process's own.

    Returns:
        0 if all went well, 1 if something did not, also where the reader of the
        output went away, 2 for an app that cannot be used, and 130 after Ctrl-C. ``work``
        has statuses of its own.

    Raises:
        SystemExit: after ``--help`` and ``--version`` (0), and for wrong usage (2).
    """
    arguments = _parser().parse_args(argv)
    try:
        status = _run(arguments)
        sys.stdout.flush()  # here, where a reader that went away is expected
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Else the interpreter flushes into the closed pipe once more as it exits.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stripe-events", description="Tools for receiving Stripe's webhooks."
    )
    parser.add_argument(
        "--version", action=_Versions, nargs=0, help="say what is installed and exit"
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    text = "serve on loopback, send signed deliveries, show what became of each"
    demo = commands.add_parser(
        "demo",
        help=text,
        description=f"{text.capitalize()}. Needs no account and no network. "
        "The exit status is 0 if every delivery went as it should, else 1.",
    )
    demo.add_argument("--json", action="store_true", help="one JSON object per delivery and line")
    from stripe_events.cli._events_arguments import add_events
    from stripe_events.cli._work_arguments import add_work

    add_events(commands)
    add_work(commands)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "demo":
        from stripe_events.cli._demo import demo

        return demo(as_json=arguments.json)
    if arguments.command == "work":
        from stripe_events.cli._work import work

        return work(arguments)
    from stripe_events.cli._events import events

    return events(arguments)


class _Versions(argparse.Action):
    # Looked up when asked for: what runs from a bare source tree has no version.
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        ours, stripe = version("stripe-events"), version("stripe")
        print(f"stripe-events {ours} (stripe {stripe}, Python {platform.python_version()})")
        parser.exit()
