"""The settings of the second search: events that share an order key, a group or a watermark."""

from __future__ import annotations

from typing import Final

from tests.model.settings import Setting, Subject, Version

THREE: Final = tuple(Subject(f"evt{number}", float(number), "key") for number in (1, 2, 3))
TWO: Final = THREE[:2]
UNORDERED: Final = tuple(one._replace(order_key=None) for one in TWO)

INLINE: Final = Version("inline", ("copy",), works=True)
INBOX: Final = INLINE._replace(name="inbox", inbox=True, works=False)
RENAMED: Final = INBOX._replace(
    name="renamed", handlers=("copies",), formerly=(("copy", "copies"),), works=True
)
MIXED: Final = Version("mixed", ("copy", "also"), mixed=("copy",), works=True)
BOTH: Final = INLINE._replace(handlers=("copy", "also"))
GROUP: Final = (("copy", "group"), ("also", "group"))

ORDER: Final = Setting(THREE, (INLINE, INBOX), frozenset({"copy"}), deliveries=1, takes=2, faults=0)
PAIR: Final = ORDER._replace(subjects=TWO, versions=(INLINE,))
STALE: Final = PAIR._replace(
    subjects=UNORDERED, versions=(BOTH,), stale=GROUP, transactional=frozenset({"copy", "also"})
)

SETTINGS: Final[dict[str, tuple[Setting, int]]] = {
    "three events": (ORDER, 15_000),
    "three events, one fault": (ORDER._replace(versions=(INLINE,), takes=1, faults=1), 20_000),
    "two events, twice": (PAIR._replace(versions=(INLINE, INBOX), deliveries=2, takes=1), 10_000),
    "mixed on a key": (PAIR._replace(versions=(MIXED,), takes=1, faults=1), 5_000),
    "mixed on a key, beside inline": (
        PAIR._replace(versions=(MIXED, BOTH._replace(works=False)), deliveries=2, takes=1),
        30_000,
    ),
    "mixed on a key, and operators": (
        PAIR._replace(
            versions=(MIXED,),
            deliveries=2,
            takes=0,
            faults=1,
            ways=("succeeds",),
            verbs=("drop",),
            crashes=False,
            ambiguous=False,
            lapses=False,
        ),
        5_000,
    ),
    "mixed in a group": (STALE._replace(versions=(MIXED,), takes=1, faults=1), 12_000),
    "operators on a key": (
        PAIR._replace(
            versions=(BOTH,),
            takes=1,
            faults=3,
            ways=("succeeds", "gives up"),
            verbs=("retry", "drop"),
            crashes=False,
            ambiguous=False,
            lapses=False,
        ),
        5_000,
    ),
    "retries of one handler": (
        PAIR._replace(
            versions=(BOTH,),
            takes=0,
            faults=2,
            ways=("gives up", "succeeds"),
            verbs=("retry", "drop"),
            crashes=False,
            ambiguous=False,
            lapses=False,
        ),
        5_000,
    ),
    "replay on a key": (
        PAIR._replace(faults=2, ways=("succeeds", "gives up"), verbs=("replay",), lapses=False),
        5_000,
    ),
    "a group in transactions": (STALE._replace(faults=1), 5_000),
    "a group, one plain": (
        STALE._replace(transactional=frozenset({"copy"}), takes=1, faults=1),
        5_000,
    ),
    "a group, renamed while it runs": (
        STALE._replace(
            versions=(RENAMED, INLINE),
            transactional=frozenset({"copy", "copies"}),
            stale=(("copy", "group"), ("copies", "group")),
            deliveries=2,
            takes=1,
            faults=0,
        ),
        5_000,
    ),
    "a month later": (
        PAIR._replace(
            subjects=tuple(one._replace(trusted=True) for one in UNORDERED),
            versions=(INLINE,),
            deliveries=2,
            takes=0,
            faults=3,
            ways=("succeeds", "gives up"),
            verbs=("forget",),
            crashes=False,
            ambiguous=False,
            lapses=False,
            months=True,
            keeps=("last_seen",),
        ),
        5_000,
    ),
    "trusted input into the inbox": (
        PAIR._replace(
            subjects=(UNORDERED[0]._replace(trusted=True),),
            versions=(INLINE, INBOX),
            deliveries=2,
            faults=3,
            verbs=("forget",),
            crashes=False,
            ambiguous=False,
            lapses=False,
            months=True,
            keeps=("last_seen",),
        ),
        500,
    ),
}
"""By what they are about: a setting, and how many worlds it has at least."""
