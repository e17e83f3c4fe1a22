"""Which objection stands after a restore: the later of what the database and the audit stream say; blocked in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from ops.audit_replay import LastWord
from ops.restored_blocks import REASON, standing

AT = 1_795_000_000
NOTE = {"by": "person:desk", "reason": "asked under pressure", "at": AT}


def objected(at_ms: int) -> LastWord:
    return LastWord(objected=True, by="person:other", at_ms=at_ms)


def cleared(at_ms: int) -> LastWord:
    return LastWord(objected=False, by="person:law", at_ms=at_ms)


@pytest.mark.clause("COL-07")
@pytest.mark.parametrize(
    ("note", "last", "stands"),
    [
        (None, None, None),
        (NOTE, None, NOTE),  # no event: the note is all there is
        (NOTE, objected(AT * 1000), NOTE),  # the note says more than its event
        (None, objected(AT * 1000 + 999), {"by": "person:other", "reason": REASON, "at": AT}),
        (None, cleared(AT * 1000), None),
        (NOTE, cleared(AT * 1000 + 1000), None),
        (NOTE, cleared(AT * 1000 + 999), NOTE),  # within its second: in doubt it stays
        (NOTE, cleared(AT * 1000 - 1), NOTE),  # an objection that is newer than the export of the stream
    ],
)
def test_the_later_counts(note: Any, last: LastWord | None, stands: Any) -> None:
    assert standing(note, last) == stands
