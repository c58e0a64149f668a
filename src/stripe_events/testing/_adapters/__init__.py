"""What every adapter must keep, as test methods; and how a case speaks with an adapter."""

from __future__ import annotations

from stripe_events.testing._adapters.answering import AnswerCases
from stripe_events.testing._adapters.reading import ReadCases
from stripe_events.testing._adapters.sharing import ShareCases
from stripe_events.testing._adapters.speaking import AdapterRequest, AdapterResponse

__all__ = ["AdapterContract", "AdapterRequest", "AdapterResponse"]


class AdapterContract(ReadCases, AnswerCases, ShareCases):
    """
    What every adapter must keep, as test methods.

    Subclass it in a test file, give ``start``, ``send`` and ``stop``, and let pytest
    collect the class; for unittest name ``unittest.TestCase`` as a second base. Each case
    makes a router, starts the adapter around it, sends real signed requests, and stops it.
    A failure names the promise that is broken.
    """
