"""Load for a server: one request again and again, some of them at once, over raw sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from benchmarks.adapters_apps import ANSWER
from benchmarks.adapters_requests import PATH

if TYPE_CHECKING:
    from benchmarks.adapters_requests import Request

__all__ = ["AT_ONCE", "post"]

AT_ONCE = 8
"""Requests under way: with more than one, the server never waits for this side."""

_SECONDS = 10.0


def post(address: tuple[str, int], request: Request, turns: int, *, kept: bool) -> None:
    """
    Send ``turns * AT_ONCE`` requests, and see that each is answered 200.

    Args:
        address: of the server.
        request: what is sent.
        turns: how many requests each connection, or each row of them, sends.
        kept: connections are kept for the next request; else each has its own.
    """
    message = _written(request)
    lanes = [_Lane(address, message, kept=kept) for _ in range(AT_ONCE)]
    for turn in range(turns):
        for lane in lanes:
            if turn:
                lane.receive()
            lane.send()
    for lane in lanes:
        lane.receive()
        lane.close()


def _written(request: Request) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {v}" for name, v in request.headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + request.body


class _Lane:
    """One request after the other."""

    def __init__(self, address: tuple[str, int], message: bytes, *, kept: bool) -> None:
        self._address = address
        self._message = message
        self._kept = kept
        self._socket = self._connected()

    def send(self) -> None:
        self._socket.sendall(self._message)

    def receive(self) -> None:
        answer = b""
        while not answer.endswith(ANSWER):
            received = self._socket.recv(65_536)
            assert received, answer
            answer += received
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        if not self._kept:
            self._socket.close()
            self._socket = self._connected()

    def close(self) -> None:
        self._socket.close()

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
