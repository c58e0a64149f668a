"""
From an event type to the names that the generated code gives it.

Types are Stripe's; these rules are ours and must never change for a type that
was released: users import the classes by name.
"""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["class_name", "family", "link", "title"]

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_BREAK = re.compile(r"[._]")


def class_name(type_: str) -> str:
    """
    Give the name of the class of an event type.

    ``customer.subscription.deleted`` is ``CustomerSubscriptionDeleted``; brackets
    read "including", as in stripe-python:
    ``v2.core.account[defaults].updated`` is ``V2CoreAccountIncludingDefaultsUpdated``.
    """
    words = _BREAK.split(_BRACKETS.sub(r".including.\1", type_))
    return "".join(word[:1].upper() + word[1:] for word in words)


def title(type_: str, kind: str) -> str:
    """
    Give the family of a type: its first segment, or the first two of a thin type.

    ``v1`` alone would be most of the thin types in one family.
    """
    segments = type_.partition("[")[0].split(".")
    return ".".join(segments[: 1 if kind == "snapshot" else 2])


def family(type_: str, kind: str) -> str:
    """Give the name of the module that a type's class lives in."""
    return "_" + title(type_, kind).replace(".", "_")


def link(type_: str, kind: str, *, retired: bool) -> str:
    """Give the address of Stripe's page about a type; the list as a whole for a retired one."""
    if kind == "thin":
        page = "https://docs.stripe.com/api/v2/core/events/event-types"
        return f"{page}#v2_event_types-{quote(type_)}"
    page = "https://docs.stripe.com/api/events/types"
    return page if retired else f"{page}#event_types-{type_}"
