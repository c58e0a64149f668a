"""
What all layers of tests share: how long Hypothesis searches, Ctrl-C, and what is under test.

``--hypothesis-profile=long`` searches fifty times as long. A property that needs more than
the usual hundred examples asks for a multiple of ``settings.default.max_examples``, so that
the long run lengthens it too.
"""

from __future__ import annotations

import signal
from importlib.metadata import version
from importlib.util import find_spec

from hypothesis import HealthCheck, settings

# No deadline and no health check by time: cores are shared, and a slow machine is no defect.
settings.register_profile("normal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("normal"), max_examples=5_000)
settings.load_profile("normal")

# What a shell starts in the background ignores Ctrl-C, and so would all that it starts:
# tests that interrupt themselves would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Name the package under test by its place, and the stripe it meets."""
    spec = find_spec("stripe_events")
    place = spec.origin if spec else "not installed"
    return f"stripe_events: {place}; stripe {version('stripe')}"
