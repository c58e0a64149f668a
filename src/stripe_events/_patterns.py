"""Patterns of event types."""

from __future__ import annotations

import re


def compiled(pattern: str) -> re.Pattern[str]:
    """
    Give what matches the types that a pattern means, by ``fullmatch``.

    ``*`` stands for any run of characters, dots included, also none. Everything
    else, brackets too, stands for itself, in its case of letters.
    """
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))))
