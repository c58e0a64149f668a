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

    _tell_id()
    app = adapters_apps.asgi(side)
    config = uvicorn.Config(app, loop=loop, http=http)
    uvicorn.Server(config).run(sockets=[listener])


def _gunicorn(side: str, listener: socket.socket) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("bind", f"fd://{listener.detach()}")
            self.cfg.set("loglevel", "warning")

        def load(self) -> Any:  # in the one sync worker
            _tell_id()
            return adapters_apps.wsgi(side)

    Application().run()


def _tell_id() -> None:
    """Say who answers, and leave the logs of requests to nobody."""
    print(os.getpid(), flush=True)
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, sys.stdout.fileno())
    os.dup2(nobody, sys.stderr.fileno())


if __name__ == "__main__":
    main()
