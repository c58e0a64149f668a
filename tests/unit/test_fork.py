"""A child that is forked after the parent has used its router can use it as well."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from tests.unit.waiting import LIMIT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

START = """
    import asyncio, os, sys, threading
    from stripe_events import EventRouter
    from stripe_events._verification import TrustedSource

    LIMIT = 20
    payload = b'''{"id": "evt_1", "object": "event", "type": "charge.succeeded",
        "data": {"object": {"id": "ch_1", "object": "charge"}}}'''

    class Blocking(TrustedSource):
        blocking = True

    router = EventRouter(verifier=Blocking(), handler_threads=1)
    started, go_on = threading.Event(), threading.Event()

    def handle():
        return router.handle(payload, None).outcome.value

    def ahandle():
        return asyncio.run(router.ahandle(payload, None)).outcome.value

    def in_child(function):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            try:
                function()
                sys.stdout.flush()
            except Exception as error:
                print("child:", repr(error), file=sys.stderr)
                os._exit(1)
            # The whole way out, so that threads are joined and objects freed.
            sys.exit(0)
        status = os.waitpid(pid, 0)[1]
        assert status == 0, status
"""

HANDLERS = """
    @router.on("charge.succeeded", name="sync")
    def sync_handler(event):
        pass

    @router.on("charge.succeeded", name="async")
    async def async_handler(event):
        await asyncio.sleep(0)
"""

SLOW_SYNC = """
    @router.on("charge.succeeded", name="slow")
    def slow(event):
        if not started.is_set():
            started.set()
            assert go_on.wait(LIMIT)
"""

SLOW_ASYNC = """
    def wait():
        started.set()  # from here, so that nothing is being imported while the parent forks
        assert go_on.wait(LIMIT)

    @router.on("charge.succeeded", name="slow")
    async def slow(event):
        if not started.is_set():
            await asyncio.to_thread(wait)
"""


def run(*parts: str) -> list[str]:
    """Run a script in a fresh interpreter that shows every warning, and give what it prints."""
    script = "".join(map(dedent, (START, *parts)))
    # Python 3.12 and newer warn of forking with threads: that is what is tested here.
    options = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * LIMIT,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.split()


def test_a_child_can_use_the_executor_and_the_loop_that_the_parent_has_used() -> None:
    """Neither the threads nor the loop's thread come along: they are started anew."""
    printed = run(
        HANDLERS,
        """
        def both():
            print(handle(), ahandle())
            router.close()

        print(handle(), ahandle())
        in_child(both)
        print(handle(), ahandle())
        router.close()
        """,
    )
    assert ["handled"] * 6 == printed


def test_a_child_that_does_nothing_ends_in_silence() -> None:
    """It waits for no thread, and takes nothing from the parent's loop."""
    printed = run(
        HANDLERS,
        """
        print(handle(), ahandle())
        in_child(lambda: None)
        in_child(router.close)
        print(handle(), ahandle())
        router.close()
        """,
    )
    assert ["handled"] * 4 == printed


def test_a_grandchild_works_as_well() -> None:
    """Each fork starts anew."""
    printed = run(
        HANDLERS,
        """
        def child():
            print(handle(), ahandle())
            in_child(lambda: print(handle(), ahandle()))
            router.close()

        print(handle(), ahandle())
        in_child(child)
        router.close()
        """,
    )
    assert ["handled"] * 6 == printed


@pytest.mark.parametrize("slow", [SLOW_SYNC, SLOW_ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("way", ["handle", "ahandle"])
def test_deliveries_that_the_parent_has_under_way_do_not_hold_up_the_child(
    slow: str, way: str
) -> None:
    """They are the parent's: the child neither waits for them nor counts them."""
    printed = run(
        slow,
        f"""
        def both():
            print(handle(), ahandle())
            router.close(wait=LIMIT)

        delivery = threading.Thread(target=lambda: print({way}()))
        delivery.start()
        assert started.wait(LIMIT)
        in_child(both)
        go_on.set()
        delivery.join()
        router.close()
        """,
    )
    assert ["handled"] * 3 == printed


def test_a_lock_held_while_forking_does_not_lock_the_child() -> None:
    """Another thread may be anywhere at that moment."""
    printed = run(
        HANDLERS,
        """
        from stripe_events._delivery import background

        print(handle(), ahandle())
        drivers = router._drivers
        with background._shared.lock, drivers._lock, drivers._in_flight._changed:
            in_child(lambda: print(handle(), ahandle()))
        router.close()
        """,
    )
    assert ["handled"] * 4 == printed


def test_a_router_that_is_closed_stays_closed_in_the_child() -> None:
    """Closing is for good."""
    printed = run(
        HANDLERS,
        """
        print(handle())
        router.close()
        in_child(lambda: print(handle(), ahandle()))
        """,
    )
    assert ["handled", "draining", "draining"] == printed


def test_multiprocessing_by_fork_works_inside_a_handler() -> None:
    """The child is made in the middle of a delivery, which is the parent's."""
    printed = run(
        """
        import multiprocessing

        def work(queue):
            queue.put(router.handle(other, None).outcome.value)

        other = payload.replace(b"charge.succeeded", b"charge.failed")

        @router.on("charge.failed", name="async")
        async def async_handler(event):
            await asyncio.sleep(0)

        @router.on("charge.succeeded", name="sync")
        def sync_handler(event):
            context = multiprocessing.get_context("fork")
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get())
            process.join()
            queue.close()
            assert process.exitcode == 0
            process.close()

        print(handle())
        router.close()
        """,
    )
    assert ["handled"] * 2 == printed


def test_a_fork_while_secrets_are_asked_for_leaves_the_child_able_to_ask() -> None:
    """The thread that holds the lock does not come along, so nobody would open it."""
    printed = run(
        """
        from stripe_events.testing import sign

        def secrets():
            if threading.current_thread() is not threading.main_thread():
                started.set()
                assert go_on.wait(LIMIT)
            return "whsec_test"

        asking = EventRouter(secrets)

        @asking.on("charge.succeeded", name="sync")
        def sync_handler(event):
            pass

        def deliver():
            print(asking.handle(payload, sign(payload, "whsec_test")).outcome.value)

        thread = threading.Thread(target=deliver)
        thread.start()
        assert started.wait(LIMIT)
        in_child(deliver)
        go_on.set()
        thread.join()
        """
    )
    assert ["handled", "handled"] == printed


def test_a_fork_while_the_router_is_compiled_leaves_the_child_able_to_compile() -> None:
    """The first delivery of a prefork server may meet the fork of another worker."""
    printed = run(
        HANDLERS,
        """
        from stripe_events import _compilation

        compiled = _compilation.Settings.of

        def slowly(*args, **named):
            if threading.current_thread() is not threading.main_thread():
                started.set()
                assert go_on.wait(LIMIT)
            return compiled(*args, **named)

        _compilation.Settings.of = slowly

        def deliver():
            print(handle())
            router.close()

        thread = threading.Thread(target=deliver)
        thread.start()
        assert started.wait(LIMIT)
        in_child(deliver)
        go_on.set()
        thread.join()
        """,
    )
    assert ["handled", "handled"] == printed
