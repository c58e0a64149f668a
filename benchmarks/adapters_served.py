"""
One server in a process of its own: ``python -m benchmarks.adapters_served gunicorn bare 5``.

It serves one of the apps on the socket that it inherits under that number. The process
that answers requests prints its id.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Literal

from benchmarks import adapters_apps

__all__ = ["main"]


def main() -> None:
    """Serve until a signal ends it."""
    server, side, number = sys.argv[1:]
    listener = socket.socket(fileno=int(number))
    match server:
        case "gunicorn":
            _gunicorn(side, listener)
        case "uvicorn":
            _uvicorn(side, listener, "asyncio", "h11")
        case _:
            _uvicorn(side, listener, "uvloop", "httptools")


def _uvicorn(
    side: str,
    listener: socket.socket,
    loop: Literal["asyncio", "uvloop"],
    http: Literal["h11", "httptools"],
) -> None:
    import uvicorn

    print(os.getpid(), flush=True)
    app = adapters_apps.asgi(side)
    config = uvicorn.Config(app, loop=loop, http=http, access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


def _gunicorn(side: str, listener: socket.socket) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("bind", f"fd://{listener.detach()}")
            self.cfg.set("loglevel", "warning")

        def load(self) -> Any:  # in the one sync worker
            print(os.getpid(), flush=True)
            return adapters_apps.wsgi(side)

    Application().run()


if __name__ == "__main__":
    main()
