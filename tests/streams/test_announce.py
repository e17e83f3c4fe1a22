"""Which ingest key a sender seals to, whatever it hears in whatever order."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.okp import PublicIngestKey, ReceivingKey, SigningKey
from keys.roots import ANNOUNCEMENTS_KEY
from schemas.errors import DanganError
from streams.announce import Announcement, IngestKeyListener, KnownIngestKeys, State, announce, read_announcement
from tests.vectors.answers import TRUST, FixedSigner

NOW = 1_770_000_000
KEYS = tuple(PublicIngestKey(key.kid, key.x) for key in (ReceivingKey.generate() for _ in range(3)))

announcements = st.builds(
    Announcement,
    st.sampled_from(KEYS),
    st.sampled_from(["active", "retiring", "destroyed"]),
    st.integers(NOW - 5, NOW + 5),
    st.integers(NOW - 5, NOW),
)


@given(st.lists(announcements, max_size=12), st.randoms())
def test_a_key_once_retired_or_expired_is_never_sealed_to(heard: list[Announcement], order: Any) -> None:
    order.shuffle(heard)
    known = KnownIngestKeys(heard)
    try:
        key = known.current(NOW)
    except DanganError:
        return
    said = [each for each in heard if each.key == key]
    assert all(each.state == "active" for each in said)
    newest = max(said, key=lambda each: each.announced_at)
    assert max(each.seal_until for each in said if each.announced_at == newest.announced_at) > NOW


@given(st.lists(announcements, max_size=8, unique_by=lambda each: (each.key.kid, each.state, each.announced_at)))
def test_the_order_of_hearing_does_not_matter(heard: list[Announcement]) -> None:
    assert _current(heard) == _current(heard[::-1])


def _current(heard: list[Announcement]) -> str | None:
    try:
        return KnownIngestKeys(heard).current(NOW).kid
    except DanganError:
        return None


def test_the_newest_active_key_is_used() -> None:
    old, new = (Announcement(key, "active", NOW + 100, NOW - age) for key, age in zip(KEYS, (20, 10), strict=False))
    assert KnownIngestKeys([new, old]).current(NOW) == new.key


@pytest.mark.parametrize("state", ["active", "retiring", "destroyed"])
async def test_what_is_announced_is_read(state: State) -> None:
    key, value = await announce(FixedSigner(), KEYS[0], state=state, seal_until=NOW, announced_at=NOW - 1)
    assert key == KEYS[0].kid.encode()
    assert read_announcement(value, trust=TRUST) == Announcement(KEYS[0], state, NOW, NOW - 1)


def test_a_listener_counts_what_it_cannot_trust_and_goes_on() -> None:
    async def value(signer: FixedSigner) -> bytes:
        return (await announce(signer, KEYS[0], state="active", seal_until=NOW + 9, announced_at=NOW))[1]

    known = KnownIngestKeys()
    listener = IngestKeyListener(known, TRUST)
    impostor = FixedSigner(**{ANNOUNCEMENTS_KEY: SigningKey.generate()})
    for message in (None, b"", b"x", asyncio.run(value(impostor))):
        listener.hear(SimpleNamespace(value=message, offset=0))
    assert listener.rejected == 3
    with pytest.raises(DanganError, match="DG-WIR-017"):
        known.current(NOW)
    listener.hear(SimpleNamespace(value=asyncio.run(value(FixedSigner())), offset=1))
    assert known.current(NOW) == KEYS[0]
