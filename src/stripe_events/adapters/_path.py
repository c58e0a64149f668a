"""The one path that an app may be told to serve."""

from __future__ import annotations

from stripe_events._messages import Outcome, WebhookResponse
from stripe_events.errors import ConfigurationError

__all__ = ["checked", "elsewhere"]


def checked(path: str | None) -> str | None:
    """
    Give a path as it is.

    Raises:
        ConfigurationError: nobody could ask for it.
    """
    if path is None or (path.startswith("/") and path.isascii()):
        return path
    raise ConfigurationError(f"path= is a whole path in ASCII, such as '/stripe', not {path!r}")


def elsewhere(path: str | None, asked: str) -> WebhookResponse | None:
    """
    Answer a request that asks for another path than the one that is served.

    A slash more or less at the end makes no difference: Stripe follows no redirects.

    Args:
        path: the only one that is served; None serves all.
        asked: the whole path of the request, from the root of the site.
    """
    if path is None or asked.rstrip("/") == path.rstrip("/"):
        return None
    return WebhookResponse(Outcome.NOT_FOUND)
