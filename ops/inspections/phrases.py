"""What stands beside findings in plain English, told in a reader's language: phrases that code writes, with places.

A detail is stored as it was found; what is not listed here (names, codes, references) is told as it stands.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from ops.reports import Words, say

#: Key (``inspect-phrase-KEY``) -> what is written. ``{name}`` stands for anything, ``{name!p}`` for another phrase.
PHRASES: Final[dict[str, str]] = {
    "version": "version {had}, not {has}",
    "code-or-count": "{had}, not {has}",
    "door-line": "line {line}: {reason!p}",
    "no-application": "no application named",
    "no-such-grant": "no such grant",
    "others-grant": "somebody else's grant",
    "not-valid-then": "the grant was not valid then",
    "read": "{record}: {reason!p} ({event})",
    "not-seen-given": "nobody was seen to give this grant",
    "names-no-grant": "it names no grant",
    "given-afterwards": "the grant was given afterwards",
    "given-to-others": "the grant was given to somebody else",
    "no-share": "nobody was seen to apply for this share",
    "recalled-before": "the grant was recalled or given back before",
    "other-purpose": "the grant is for another purpose",
    "fields-outside": "fields outside the grant",
    "not-in-database": "the grant is not in the database",
    "not-as-given": "the grant in the database is not the one that was given",
    "record-outside": "a record outside the grant",
    "late": "{department}: due {due}, handed over {done}",
    "waiting": "{department}: due {due}, {stage!p}",
    "received": "received",
    "reviewed": "reviewed",
    "returned": "returned",
    "handed-over": "handed_over",
    "not-in-catalogue": "a field that is not in the catalogue",
    "loan-overdue": "loan overdue: {who}",
    "inspection-due": "inspection due: {who}",
    "no-proof": "discarded, no proof of its end: {who}",
    "lost": "lost: {who}",
    "incremental": "incremental",
    "full": "full",
    "failed": "failed",
    "partial": "partial",
    "forgotten": "forgotten",
    "certified": "certified",
    "core": "core",
    "sensitive": "sensitive",
    "basic": "basic",
    "intact": "intact",
    "damaged": "damaged",
    "damaged-in-part": "damaged intact",
    "cash": "cash",
    "credit": "credit",
    "instalments": "instalments",
    "acceptance": "acceptance",
    "evaluated": "evaluated",
    "passed-on": "passed_on",
    "noted": "noted",
    "collect": "collect",
    "review": "review",
    "hand-over": "hand_over",
    "confirm": "confirm",
    "number": "number",
}


def phrase(text: str) -> Words:
    """The text in words that have a translation, or as it stands."""
    for key, pattern, nested in _patterns():
        if match := pattern.fullmatch(text):
            places: dict[str, Words | int] = {
                name: phrase(value) if name in nested else value for name, value in match.groupdict().items()
            }
            return say(f"inspect-phrase-{key}", **places)
    if ", " in text:
        parts = [phrase(part) for part in text.split(", ", 1)]
        if not all(isinstance(part, str) for part in parts):
            return say("inspect-phrase-list", first=parts[0], others=parts[1])
    return text


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], frozenset[str]], ...]:
    found = []
    for key, written in PHRASES.items():
        nested = frozenset(re.findall(r"\{(\w+)!p\}", written))
        parts = re.split(r"\{(\w+)(?:!p)?\}", written)
        # Parts stand in turn for text and the name of a place.
        pattern = "".join(re.escape(part) if at % 2 == 0 else f"(?P<{part}>.+?)" for at, part in enumerate(parts))
        found.append((key, re.compile(pattern), nested))
    return tuple(found)
