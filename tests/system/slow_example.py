"""
Run an example as it is, but for slow handlers that each of its routers has as well.

What follows on the command line is what would follow `python`.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from slow_handlers import add_slow_handlers

import stripe_events


class SlowRouter(stripe_events.EventRouter):
    """A router that begins with the slow handlers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Register them first."""
        super().__init__(*args, **options)
        add_slow_handlers(self)


stripe_events.EventRouter = SlowRouter
del sys.argv[0]
if sys.argv[0] == "-m":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
