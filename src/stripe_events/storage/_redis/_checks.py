"""What a server must not be, if it is to keep what the library promises."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Loss: TypeAlias = Literal["appendonly", "appendfsync", "maxmemory-policy"]
"""
A setting that may be otherwise although it loses what was acknowledged.

``appendonly``: a server that ends loses all since its last snapshot, or all.
``appendfsync``: a crash of its machine loses the last moments. ``maxmemory-policy``: a
server whose memory is full throws away whole ledgers.
"""

QUESTIONS: Final = (
    ("INFO",),
    ("CONFIG", "GET", "appendonly", "appendfsync", "maxmemory", "maxmemory-policy"),
)
"""What a server is asked about itself; that some do not answer the second one is no error."""

_FIXES: Final[dict[str, str]] = {
    "appendonly": "is {}: without it, events that were acknowledged are lost when the server "
    "ends. Set it to yes",
    "appendfsync": "is {}: events of the last moments that were acknowledged are lost when the "
    "server's machine fails. Set it to always",
    "maxmemory-policy": "is {}: a full server throws away the ledger. Set it to noeviction, or "
    "maxmemory to 0",
}


def check(accepted: Collection[str], info: Any, config: Any) -> None:
    """
    Look at a server's answers to the two questions; None where it refuses one.

    What it does not say is logged as a warning, once for each store.

    Raises:
        ConfigurationError: it is a replica, or may lose what it has acknowledged by a
            setting that is not ``accepted``.
    """
    told = _read(info)
    if told.get("role", "master") not in ("master", "primary"):
        raise ConfigurationError("the server is a replica: give the store the primary")
    settings = _from_info(told) | _read(config)
    for name, value in _bad(settings):
        if name not in accepted:
            raise ConfigurationError(
                f'{name} {_FIXES[name].format(value)}, or accept that by accept_loss=("{name}",)'
            )
    unknown = [name for name in get_args(Loss) if name not in settings and name not in accepted]
    if unknown:
        logging.getLogger("stripe_events").warning(
            "Redis does not tell what %s is set to: events that were acknowledged may be lost "
            "by it. Look yourself, then say so by accept_loss",
            ", ".join(unknown),
        )


def _read(answer: Any) -> dict[str, str]:
    """Read names and values, which come as lines, as pairs or as a dict, by client and protocol."""
    if answer is None:
        return {}
    if isinstance(answer, bytes | str):
        lines = _text(answer).splitlines()
        return {
            name: value for name, colon, value in (one.partition(":") for one in lines) if colon
        }
    if not hasattr(answer, "items"):
        answer = dict(zip(answer[::2], answer[1::2], strict=True))
    return {_text(name): _text(value) for name, value in answer.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _from_info(info: Mapping[str, str]) -> dict[str, str]:
    """Give the settings that can be seen from INFO, which managed servers do not forbid."""
    settings: dict[str, str] = {}
    if "aof_enabled" in info:
        settings["appendonly"] = "yes" if info["aof_enabled"] == "1" else "no"
    for setting, field in (("maxmemory", "maxmemory"), ("maxmemory-policy", "maxmemory_policy")):
        if field in info:
            settings[setting] = info[field]
    return settings


def _bad(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    bad: list[tuple[str, str]] = []
    if settings.get("appendonly", "yes") != "yes":
        bad.append(("appendonly", settings["appendonly"]))
    elif settings.get("appendfsync", "always") != "always":
        bad.append(("appendfsync", settings["appendfsync"]))
    # The policies named volatile-* take only keys that expire, and the store's do not.
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy.startswith("allkeys") and settings.get("maxmemory") != "0":
        bad.append(("maxmemory-policy", policy))
    return bad
