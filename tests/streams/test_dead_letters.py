"""A dead letter keeps what is sealed or a plain reference, and nothing else of what came."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import wire
from schemas.errors import UnreadableMessage
from streams.dead_letters import dead_letter
from streams.pipeline import Message
from tests.vectors import bundles

LIMIT = wire.WireLimits().max_value
SEALED = bundles.forged()
KEPT = [(name, value.encode()) for name, value in bundles.headers().items()]
names = st.sampled_from([name for name, _ in KEPT]) | st.text(max_size=8)


def letter(value: bytes, *headers: tuple[str, bytes | None], limit: int = LIMIT) -> tuple[bytes, dict[str, bytes]]:
    message = Message("archive.collect", 3, 41, 0, headers, value)  # type: ignore[arg-type]
    key, kept, named = dead_letter(message, UnreadableMessage("DG-WIR-003"), max_value=limit)
    assert (key, dict(named)["dg_place"]) == (b"archive.collect/3/41", key)
    assert dict(named)["dg_code"] == b"DG-WIR-003"
    return kept, dict(named)


def test_a_sealed_bundle_is_kept_as_it_came_with_its_headers() -> None:
    kept, named = letter(SEALED, *KEPT)
    assert kept == SEALED
    assert named.keys() == {*dict(KEPT), "dg_code", "dg_place"}
    assert {name: named[name] for name in dict(KEPT)} == dict(KEPT)


@given(st.binary(max_size=300) | st.sampled_from(['{"name":"欧阳试毫"}'.encode(), SEALED[:-1], SEALED + b"x"]))
def test_what_is_not_sealed_leaves_its_size_and_digest_only(value: bytes) -> None:
    kept, named = letter(value)
    assert kept == b""
    assert named["dg_size"] == str(len(value)).encode()
    assert named["dg_sha256"] == sha256(value).hexdigest().encode()


def test_a_value_beyond_the_limit_is_never_kept() -> None:
    assert letter(SEALED, limit=len(SEALED))[0] == SEALED
    kept, named = letter(SEALED, limit=len(SEALED) - 1)
    assert (kept, named["dg_size"]) == (b"", str(len(SEALED)).encode())


@given(
    st.lists(st.tuples(names, st.none() | st.binary(max_size=300) | st.text(max_size=30).map(str.encode)), max_size=6)
)
def test_a_header_is_kept_only_in_the_form_that_it_must_have(headers: list[tuple[str, bytes | None]]) -> None:
    patterns = {"ce_id": wire.UUID, "ce_source": wire.PRINCIPAL, "ce_time": wire.RFC3339}
    _, named = letter(SEALED, *headers)
    for name, raw in named.items():
        if name in patterns:
            assert patterns[name].fullmatch(raw.decode())
        elif not name.startswith("dg_"):
            assert raw == dict(KEPT)[name]


@pytest.mark.parametrize("source", ["欧阳试毫".encode(), b"Zhang San", b"13800138000", b"s" * 999, None])
def test_a_person_in_a_header_is_left_out(source: bytes | None) -> None:
    _, named = letter(SEALED, ("ce_source", source), ("x-own", b"13800138000"))
    assert named.keys() == {"dg_code", "dg_place"}
