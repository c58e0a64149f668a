"""
Adapters: an app for each kind of server, a view for each framework.

Each has a module of its own and needs nothing of the others. An adapter of your own is
request in, response out, around an ``Endpoint``; ``AdapterContract`` of
``stripe_events.testing`` tells whether it is right.
"""

from __future__ import annotations

from stripe_events.adapters._endpoint import Endpoint

__all__ = ["Endpoint"]
