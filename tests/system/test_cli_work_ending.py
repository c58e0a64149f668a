"""A process that does not end by itself is ended, whatever holds it up."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

LIMIT = 30.0

PRELUDE = """
import threading
from stripe_events.cli._work_ending import Watchdog, left_behind

for_ever = threading.Event().wait
"""

ENDLESS = {
    "a blocked main thread": """
        with Watchdog(lambda: print("over")) as watchdog:
            watchdog.allow(3600)
            watchdog.allow(0.1)
            for_ever()
        """,
    "nobody who reads the last words": """
        def last_words():
            print("over", flush=True)
            for_ever()

        Watchdog(last_words).bite()
        """,
    "last words that fail": """
        def last_words():
            print("over")
            raise OSError

        Watchdog(last_words).bite()
        """,
    "a thread that is waited for at the end": """
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(2, "stripe-events-handler")
        pool.submit(print, "over").result()
        pool.submit(for_ever)
        pool.shutdown(wait=False)
        with Watchdog(lambda: None) as watchdog:
            if left_behind() == 1:
                watchdog.bite()
        """,
}


def ran(code: str) -> tuple[int, str, str]:
    """Run some code in a process of its own; give its status, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
def test_nothing_keeps_it_from_ending(code: str) -> None:
    """It says its last words, if it can, and has a status of its own."""
    assert (3, "over\n", "") == ran(code)


def test_a_process_that_ends_in_time_is_left_alone() -> None:
    """Also when the time that it was given comes later; idle threads are not waited for."""
    code = """
        with Watchdog(lambda: print("over")) as watchdog:
            watchdog.allow(0.2)
        threading.Event().wait(0.4)
        print(left_behind())
        """
    assert (0, "0\n", "") == ran(code)
