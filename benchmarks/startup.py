"""
What it costs a fresh interpreter to handle its first event.

Import, a router with three handlers, one signed event: in processes of their own,
in turn with processes that do nothing. What is left in memory is asked of the
kernel (``/proc``), where there is one to ask.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from textwrap import dedent
from time import perf_counter
from typing import Any

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from stripe_events.testing import sign

__all__ = ["cold_start", "measure"]

_MOST_MS = 40.0
_MOST_MB = 8.0
_HEAVY = {"asyncio", "concurrent.futures", "logging", "sqlite3", "stripe", "traceback"}
_SECRET = "whsec_" + "benchmark" * 4
_STATUS = Path("/proc/self/status")

_NOTHING = "pass"
_FIRST_EVENT = dedent(
    """
    from stripe_events import EventRouter
    from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated, InvoicePaid

    router = EventRouter({secret!r})

    @router.on(ChargeSucceeded)
    def charge(event):
        pass

    @router.on(CustomerSubscriptionUpdated, changed="status")
    def subscription(event, ctx):
        raise AssertionError

    @router.on(InvoicePaid)
    def invoice(event):
        raise AssertionError

    response = router.handle({body!r}, {headers!r})
    assert response.outcome == "handled", response
    """
)
_REPORT = dedent(
    """
    import sys
    modules = list(sys.modules)
    status = open({status!r}).read() if {readable!r} else ""
    import json
    print(json.dumps([modules, status]))
    """
)


def measure(processes: int) -> list[Figure]:
    """Measure the first event of a router."""
    return cold_start("first event", _first_event(), processes, _MOST_MS, _MOST_MB)


def cold_start(
    what: str, code: str, processes: int, most_ms: float, most_mb: float | None = None
) -> list[Figure]:
    """Start so many processes that run some code, in turn with bare ones; tell what it costs."""
    _run(code)  # writes the .pyc files
    return [_time(what, code, processes, most_ms), *_size(what, code, most_mb)]


def _first_event() -> str:
    body = payloads.charge()
    return _FIRST_EVENT.format(secret=_SECRET, body=body, headers=sign(body, _SECRET))


def _time(what: str, code: str, processes: int, most_ms: float) -> Figure:
    pairs = [(_milliseconds(code), _milliseconds(_NOTHING)) for _ in range(processes)]
    fastest, bare = (min(times) for times in zip(*pairs, strict=True))
    middle = median(mine - other for mine, other in pairs)
    added = fastest - bare
    measured = f"{added:.1f} ms (median {middle:.1f} ms)   {fastest:.1f} - {bare:.1f} ms"
    return Figure(f"{what}: time", f"at most {most_ms:g} ms", measured, added <= most_ms)


def _size(what: str, code: str, most_mb: float | None) -> list[Figure]:
    modules, status = _reported(code)
    heavy = sorted(_HEAVY.intersection(modules))
    found = ", ".join(heavy) or "none"
    figures = [Figure(f"{what}: heavy modules", "none", found, not heavy)]
    if status:
        added = _peak_mb(status) - _peak_mb(_reported(_NOTHING)[1])
        figures.append(_memory(f"{what}: memory", added, most_mb))
    return figures


def _memory(what: str, added: float, most_mb: float | None) -> Figure:
    measured = f"{added:.1f} MB"
    if most_mb is None:
        return shown(what, measured)
    return Figure(what, f"at most {most_mb:g} MB", measured, added <= most_mb)


def _milliseconds(code: str) -> float:
    started = perf_counter()
    _run(code)
    return (perf_counter() - started) * 1_000


def _reported(code: str) -> Any:
    report = _REPORT.format(status=str(_STATUS), readable=_STATUS.exists())
    return json.loads(_run(f"{code}\n{report}"))


def _run(code: str) -> str:
    # -I: neither the environment nor the current folder decides what is imported.
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _peak_mb(status: str) -> float:
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024
