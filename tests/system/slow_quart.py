"""The app of ``slow_app`` in Quart, which cancels what serves a client that has gone."""

from __future__ import annotations

import sys

from quart import Quart, request
from slow_app import router

app = Quart(__name__)


@app.post("/stripe", strict_slashes=False)
async def stripe() -> tuple[bytes, int, dict[str, str]]:
    """Hand a delivery to the router."""
    try:
        it = await router.ahandle(await request.get_data(), request.headers)
    except BaseException as error:
        sys.stdout.write(f"ended by {type(error).__name__}\n")
        sys.stdout.flush()
        raise
    return it.body, it.status, it.headers
