"""Places in a bulk read: they come back to their reader, tell nobody an id, and cannot be bent or lent."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.cursors import CURSOR_CHARACTERS, Cursors, cursors_from
from schemas.errors import Refusal
from tests.simulators.vault import SimulatedVault

CURSORS = Cursors(bytes(range(64)))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}", fullmatch=True)


@pytest.mark.clause("USE-07")
@given(NAMES, NAMES, NAMES, NAMES, NAMES)
def test_a_place_serves_its_reader_and_grant_alone(record: str, reader: str, grant: str, who: str, other: str) -> None:
    token = CURSORS.token(record, reader, grant)
    assert CURSORS.record(token, reader, grant) == record
    assert token == CURSORS.token(record, reader, grant)
    assert len(token) == CURSOR_CHARACTERS
    assert record.encode() not in urlsafe_b64decode(token + "==")
    for somebody, under in ((who, grant), (reader, other), (grant, reader)):
        if (somebody, under) != (reader, grant):
            with pytest.raises(Refusal, match="DG-ACC-029"):
                CURSORS.record(token, somebody, under)


@given(NAMES, st.integers(0, CURSOR_CHARACTERS - 2), st.sampled_from("ABCXYZabcxyz0189-_"))
def test_a_bent_place_is_refused(record: str, at: int, letter: str) -> None:
    token = CURSORS.token(record, "per:a", "grant-1")
    bent = token[:at] + letter + token[at + 1 :]
    if bent != token:
        with pytest.raises(Refusal, match="DG-ACC-029"):
            CURSORS.record(bent, "per:a", "grant-1")


@given(st.text(max_size=130))
def test_other_texts_are_refused_and_never_break_anything(text: str) -> None:
    with pytest.raises(Refusal, match="DG-ACC-029"):
        CURSORS.record(text, "per:a", "grant-1")


async def test_every_process_makes_the_same_places_and_another_installation_others() -> None:
    vault, elsewhere = SimulatedVault(), SimulatedVault()
    made = (await cursors_from(vault)).token("rec-1", "per:a", "grant-1")
    assert (await cursors_from(vault)).record(made, "per:a", "grant-1") == "rec-1"
    with pytest.raises(Refusal, match="DG-ACC-029"):
        (await cursors_from(elsewhere)).record(made, "per:a", "grant-1")
