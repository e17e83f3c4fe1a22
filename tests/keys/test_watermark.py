"""Watermarks: each names one answer to one reader, survives paper, and cannot be made or bent by who has an extract."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.watermark import TOKEN_CHARACTERS, Marker, mark_of, marker_from
from schemas.errors import Refusal
from tests.simulators.vault import SimulatedVault

MARKER = Marker(b"k" * 32)
REQUESTS, SECONDS = st.uuids().map(str), st.integers(0, 2**32 - 1)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}", fullmatch=True)


@given(REQUESTS, SECONDS, NAMES, NAMES)
def test_a_token_comes_back_from_paper(request: str, at: int, reader: str, grant: str) -> None:
    token = MARKER.token(request, at, reader, grant)
    assert len(token) == TOKEN_CHARACTERS
    assert token.isalnum()
    assert token == token.lower()
    on_paper = "-".join(token[start : start + 8] for start in range(0, 56, 8)).upper() + "\n"
    mark = mark_of(on_paper)
    assert (mark.request, mark.at) == (request, at)
    assert MARKER.made(mark, reader, grant)


@given(REQUESTS, SECONDS, NAMES, NAMES, st.data())
def test_nobody_else_is_ever_named(request: str, at: int, reader: str, grant: str, data: st.DataObject) -> None:
    token = MARKER.token(request, at, reader, grant)
    other_reader, other_grant = data.draw(NAMES), data.draw(NAMES)
    same = (other_reader, other_grant) == (reader, grant)
    assert MARKER.made(mark_of(token), other_reader, other_grant) == same
    assert not Marker(b"x" * 32).made(mark_of(token), reader, grant)
    place = data.draw(st.integers(0, TOKEN_CHARACTERS - 1))
    letter = data.draw(st.sampled_from([each for each in "abcdefghijklmnopqrstuvwxyz234567" if each != token[place]]))
    try:
        bent = mark_of(token[:place] + letter + token[place + 1 :])
    except Refusal as refusal:
        assert refusal.code == "DG-ACC-025"
    else:
        assert not MARKER.made(bent, reader, grant)


@given(st.text(max_size=80))
def test_other_texts_are_refused_and_never_break_anything(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        mark_of(text)
    assert refusal.value.code == "DG-ACC-025"


async def test_every_process_makes_the_same_tokens_and_another_installation_others() -> None:
    vault, elsewhere = SimulatedVault(), SimulatedVault()
    parts = (str(uuid.UUID(int=7)), 1_800_000_000, "per:a", "grant-1")
    made = (await marker_from(vault)).token(*parts)
    assert (await marker_from(vault)).token(*parts) == made
    assert (await marker_from(elsewhere)).token(*parts) != made


def test_a_token_costs_less_than_20_microseconds() -> None:
    request = str(uuid.UUID(int=7))
    best = min(_microseconds(request) for _ in range(20))
    assert best < 20


def _microseconds(request: str) -> float:
    begun = time.perf_counter()
    for at in range(100):
        MARKER.token(request, at, "per:clerk-7", "grant-1")
    return (time.perf_counter() - begun) * 1e4
