"""Ages as operators write and read them: ``90s``, ``15m``, ``2h``, ``3d``, ``4w``."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Final

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE: Final = re.compile(r"([0-9]{1,9})([smhdw])")


def age(text: str) -> float:
    """
    Give the seconds that an age means.

    Raises:
        ArgumentTypeError: it is none.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no age: a whole number and s, m, h, d or w, as in 90s or 3d"
        raise ArgumentTypeError(msg)
    return float(int(found[1]) * _SECONDS[found[2]])


def shown(seconds: float) -> str:
    """Give an age, rounded, in the largest of s, m, h and d of which it has at least two."""
    whole = max(0, round(seconds))
    unit = next((one for one in "dhm" if whole >= 2 * _SECONDS[one]), "s")
    return f"{round(whole / _SECONDS[unit])}{unit}"
