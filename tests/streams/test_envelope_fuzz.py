"""Whatever the bytes: an answer or UnreadableMessage, nothing else, and no more than joserfc would accept."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.okp import PublicIngestKey, ReceivingKey, SigningKey
from schemas.errors import DanganError, UnreadableMessage
from schemas.principals import PublicKey
from schemas.trust import Trust
from schemas.wire import WireLimits
from streams.announce import read_announcement
from streams.compact import Malformed, b64, unb64
from streams.envelope import Headers, OpenedBundle, bundle_headers, open_bundle, seal_bundle
from streams.reply_envelope import open_reply, seal_reply
from streams.writer import certified_writer
from tests.simulators.forger import encode
from tests.simulators.joserfc_opener import open_with_joserfc
from tests.vectors.answers import TRUST, certified
from tests.vectors.bundles import (
    BUNDLE_ID,
    INGEST,
    NOW,
    PAYLOAD,
    RECIPIENT,
    SIGNER,
    forged,
    headers,
    jwe_header,
    jws_header,
)

GOOD = forged()
KEY = PublicKey(SIGNER.kid, SIGNER.x, 0, NOW * 2)
REPLY = seal_reply(
    b"{}", writer=certified(), recipient=PublicKey(RECIPIENT.kid, RECIPIENT.x, 0, 1), reply_id=BUNDLE_ID, iat=NOW
)
B64_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def opened(value: bytes | None, given_headers: Headers | None = None) -> OpenedBundle:
    good = {name: part.encode() for name, part in headers().items()}
    return open_bundle(
        value,
        headers=good if given_headers is None else given_headers,
        family="collect",
        ingest_private=lambda kid: INGEST.private if kid == INGEST.kid else None,
        sender_key=lambda kid: ("sys:crm", KEY) if kid == SIGNER.kid else None,
        now=NOW,
        limits=WireLimits(),
    )


@st.composite
def mutated(draw: st.DrawFn, good: bytes) -> bytes:
    """A good message with bytes changed, cut out, doubled, or parts swapped."""
    value = bytearray(good)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(value) - 1)) if value else 0
        length = draw(st.integers(1, 8))
        kind = draw(st.sampled_from(["set", "alphabet", "cut", "double", "insert"]))
        if kind == "set":
            value[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == "alphabet":
            value[at : at + 1] = bytes([draw(st.sampled_from(B64_CHARACTERS))])
        elif kind == "cut":
            del value[at : at + length]
        elif kind == "double":
            value[at:at] = value[at : at + length]
        else:
            value[at:at] = draw(st.sampled_from([b".", b"=", b"\x00", b"\xff", b"+"]))
    return bytes(value)


@given(mutated(GOOD))
def test_an_altered_message_never_opens(value: bytes) -> None:
    if value == GOOD:
        return
    with pytest.raises(UnreadableMessage):
        opened(value)


@given(st.binary(max_size=2000) | st.lists(st.binary(max_size=60).map(encode), min_size=4, max_size=6).map(b".".join))
def test_arbitrary_bytes_never_open(value: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        opened(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "iat", "bid", "aud", "crit", "b64"]), JSON, max_size=3),
    st.dictionaries(st.sampled_from(["alg", "enc", "kid", "typ", "epk", "zip", "crit"]), JSON, max_size=2),
    st.sets(st.sampled_from(["alg", "kid", "typ", "iat", "bid", "aud"]), max_size=2),
)
def test_any_header_member_opens_only_with_its_one_right_value(
    inner: dict[str, Any], outer: dict[str, Any], missing: set[str]
) -> None:
    changed = jws_header(**inner)
    for name in missing:
        changed.pop(name, None)
    sealed_header = jwe_header(**outer)
    value = forged(inner=changed, outer=sealed_header)
    if changed == jws_header() and sealed_header == jwe_header():
        assert opened(value).payload == PAYLOAD
        return
    if changed | {"iat": NOW} == jws_header() and sealed_header == jwe_header() and type(changed.get("iat")) is int:
        return  # another time of signing may be good or not
    with pytest.raises(UnreadableMessage):
        opened(value)


@given(
    st.none()
    | st.lists(st.tuples(st.sampled_from([*headers(), "ce_x", "other"]), st.binary(max_size=300)), max_size=40)
    | st.dictionaries(st.sampled_from(sorted(headers())), st.binary(max_size=40), max_size=7)
)
def test_any_kafka_headers_are_judged_without_other_exceptions(given_headers: Headers | None) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        opened(GOOD, given_headers if given_headers is not None else {})
    assert refusal.value.code in {"DG-WIR-001", "DG-WIR-014", "DG-WIR-015"}


@given(st.binary(max_size=4000), st.binary(min_size=32, max_size=32), st.uuids())
def test_what_is_sealed_opens_with_ours_and_with_joserfc(payload: bytes, seed: bytes, bundle: Any) -> None:
    ingest, signer = ReceivingKey.generate(), SigningKey.generate()
    value = seal_bundle(
        payload,
        signing_key=signer,
        ingest_key=PublicIngestKey(ingest.kid, ingest.x),
        bundle_id=str(bundle),
        iat=NOW,
    )
    result = open_bundle(
        value,
        headers=bundle_headers("collect", sender="sys:a", bundle_id=str(bundle), time="2026-02-02T02:40:00Z"),
        family="collect",
        ingest_private=lambda kid: ingest.private,
        sender_key=lambda kid: ("sys:a", PublicKey(kid, signer.x, 0, NOW * 2)),
        now=NOW,
        limits=WireLimits(),
    )
    assert result.payload == payload
    assert payload == _by_joserfc(value, ingest, signer.x)


@given(mutated(GOOD) | st.just(GOOD))
def test_ours_and_joserfc_draw_the_same_line(value: bytes) -> None:
    try:
        ours: bytes | None = opened(value).payload
    except UnreadableMessage:
        ours = None
    assert ours == _by_joserfc(value, INGEST, SIGNER.x)


def _by_joserfc(value: bytes, key: ReceivingKey, sender: bytes) -> bytes | None:
    members = frozenset({"iat", "bid", "aud"})
    return open_with_joserfc(value, key, sender, types=("dangan+jwe", "dangan+jws"), members=members)


@given(st.binary(max_size=64))
def test_base64url_there_and_back(data: bytes) -> None:
    assert b64(data) == encode(data)
    assert unb64(b64(data)) == data


@given(st.binary(max_size=12) | st.text(alphabet="AQgw-_+/= \n", max_size=8).map(str.encode))
def test_base64url_has_one_spelling(text: bytes) -> None:
    try:
        data = unb64(text)
    except Malformed:
        return
    assert b64(data) == text


@given(mutated(REPLY) | st.binary(max_size=300))
def test_an_altered_reply_is_never_believed(value: bytes) -> None:
    if value == REPLY:
        return
    with pytest.raises(DanganError) as refusal:
        open_reply(value, key=RECIPIENT, trust=TRUST)
    assert refusal.value.code == "DG-WIR-016"


@given(mutated(certified().cert.encode()) | st.binary(max_size=300))
def test_an_altered_certificate_is_never_believed(value: bytes) -> None:
    cert = value.decode("latin-1")
    if cert == certified().cert:
        return
    with pytest.raises(DanganError):
        certified_writer(cert, trust=TRUST, at=NOW)
    assert read_announcement(value, trust=TRUST) is None


def test_a_message_without_a_value_is_unreadable() -> None:
    with pytest.raises(UnreadableMessage, match="DG-WIR-003"):
        opened(None)


def test_nobody_is_believed_without_trust() -> None:
    with pytest.raises(DanganError):
        open_reply(REPLY, key=RECIPIENT, trust=Trust())


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
@pytest.mark.parametrize("filler", [b".", b"A", b"[", b"\xff"])
def test_the_largest_rubbish_is_refused_quickly(size: int, filler: bytes) -> None:
    started = time.process_time()
    with pytest.raises(UnreadableMessage):
        opened(filler * size)
    assert time.process_time() - started < 0.25
