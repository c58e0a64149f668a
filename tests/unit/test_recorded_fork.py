"""A child that is forked while its parent works on events has no claims, and its own heartbeat."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from tests.unit.waiting import LIMIT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

SCRIPT = """
    import math, os, sys, threading
    from stripe_events._delivery.heartbeat import Heartbeat
    from stripe_events.storage import Claim

    class Store:
        def __init__(self):
            self.calls, self.called = [], threading.Condition()

        def extend(self, claims, lease):
            with self.called:
                self.calls.append([claim.id for claim in claims])
                self.called.notify_all()
            return []

        def wait_for(self, ids):
            with self.called:
                after = len(self.calls)
                assert self.called.wait_for(lambda: ids in self.calls[after:], 20)

    store = Store()
    heartbeat = Heartbeat(store, 0.03, is_async=False)
    heartbeat.add(Claim("default", "parents", 1, "x"), math.inf)
    store.wait_for(["parents"])

    pid = os.fork()
    if pid == 0:
        store.__init__()  # its lock may have been the parent's heartbeat's
        heartbeat.add(Claim("default", "forked", 1, "y"), math.inf)
        store.wait_for(["forked"])
        heartbeat.stop()
        print([["forked"]] == [ids for ids in store.calls[:1]], flush=True)
        os._exit(0)

    assert os.waitpid(pid, 0)[1] == 0
    store.wait_for(["parents"])
    heartbeat.stop()
"""


def test_a_child_extends_its_own_claims_only() -> None:
    """The parent goes on with its own."""
    options = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", dedent(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * LIMIT,
    )
    assert ("", "True\n", 0) == (done.stderr, done.stdout, done.returncode)
