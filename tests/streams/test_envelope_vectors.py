"""The vectors of tests/vectors, through our opener and through joserfc."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.okp import ReceivingKey, SigningKey, thumbprint
from schemas.errors import DanganError, UnreadableMessage
from schemas.principals import PublicKey
from schemas.trust import load_trust
from schemas.wire import WireLimits
from streams.announce import read_announcement
from streams.bundle import parse_bundle
from streams.compact import b64, unb64
from streams.envelope import OpenedBundle, open_bundle
from streams.reply_envelope import open_reply
from tests.simulators.joserfc_opener import open_with_joserfc
from tests.vectors import make

FOLDER = Path(make.__file__).parent


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


KEYS, BUNDLES, REPLIES, ANNOUNCEMENTS = (load(name) for name in make.FILES)


def d_of(name: str) -> bytes:
    return unb64(KEYS[name]["d"].encode())


def receiving(name: str) -> ReceivingKey:
    return ReceivingKey.of(X25519PrivateKey.from_private_bytes(d_of(name)))


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def registered(kid: str) -> tuple[str, PublicKey] | None:
    entry = dict(BUNDLES["registered"].get(kid, {}))
    if not entry:
        return None
    x = next(unb64(key["x"].encode()) for key in KEYS.values() if key["kid"] == kid)
    return entry.pop("principal"), PublicKey(kid, x, **entry)


def opened(case: dict[str, Any], **more: Any) -> OpenedBundle:
    ingest = receiving("ingest")
    return open_bundle(
        case["value"].encode(),
        headers={name: part.encode() for name, part in case["headers"].items()},
        family=case["family"],
        ingest_private=lambda kid: ingest.private if kid == ingest.kid else None,
        sender_key=registered,
        **{"now": BUNDLES["now"], "limits": WireLimits(**case.get("limits", {})), **more},
    )


@pytest.mark.parametrize("name", make.FILES)
def test_the_vectors_are_what_this_code_seals(name: str) -> None:
    assert make.text_of(name) == (FOLDER / name).read_text(encoding="utf-8"), "python -m tests.vectors.make"


@pytest.mark.parametrize("name", KEYS)
def test_a_key_id_is_the_thumbprint(name: str) -> None:
    jwk = KEYS[name]
    private = (Ed25519PrivateKey if jwk["crv"] == "Ed25519" else X25519PrivateKey).from_private_bytes(d_of(name))
    assert b64(private.public_key().public_bytes_raw()).decode() == jwk["x"]
    assert thumbprint(jwk["crv"], unb64(jwk["x"].encode())) == jwk["kid"]


def test_the_thumbprint_of_rfc_8037_appendix_a3() -> None:
    x = unb64(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert thumbprint("Ed25519", x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@named([case for case in BUNDLES["cases"] if "code" not in case])
def test_a_good_bundle_opens(case: dict[str, Any]) -> None:
    bundle = opened(case)
    assert bundle == OpenedBundle(payload=case["payload"].encode(), **case["opened"])
    assert len(parse_bundle(bundle.payload, case["family"]).commands) == 1


@named([case for case in BUNDLES["cases"] if "code" in case])
def test_a_bad_bundle_is_refused_with_its_code(case: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        parse_bundle(opened(case).payload, case["family"])
    assert refusal.value.code == case["code"]


@pytest.mark.parametrize("read_late", [False, True])
def test_a_key_revoked_by_the_time_of_reading_is_refused(read_late: bool) -> None:
    """Also when the broker took the message before: who stole the key may have had it for long."""
    (case,) = (case for case in BUNDLES["cases"] if case["name"] == "a revoked key")
    revoked_at = max(entry.get("revoked_at", 0) for entry in BUNDLES["registered"].values())
    late = {"read_at": revoked_at if read_late else revoked_at - 1}
    before = {"now": revoked_at - 1, "limits": WireLimits(max_ahead=10)}
    if read_late:
        with pytest.raises(UnreadableMessage) as refusal:
            opened(case, **before, **late)
        assert refusal.value.code == "DG-WIR-009"
    else:
        assert opened(case, **before, **late).kid_sender == KEYS["sender_revoked"]["kid"]


def test_every_code_of_the_sealed_message_has_a_vector() -> None:
    codes = {case.get("code") for case in BUNDLES["cases"]}
    assert {f"DG-WIR-{number:03}" for number in range(1, 16)} <= codes


#: What joserfc is not asked: who the sender is, when it signed, what Kafka's headers and the payload say;
#: and what our profile says about a member's value.
OURS_ALONE = {f"DG-WIR-{number:03}" for number in (1, 2, 7, 9, 10, 11, 12, 13, 14, 15)} | {
    "sealed on to another archive",
    "a fractional time",
    "a truth value as time",
}


@named([case for case in BUNDLES["cases"] if not {case["name"], case.get("code")} & OURS_ALONE])
def test_joserfc_agrees_on_a_bundle(case: dict[str, Any]) -> None:
    sender = SigningKey.of(Ed25519PrivateKey.from_private_bytes(d_of("sender")))
    payload = open_with_joserfc(
        case["value"].encode(),
        receiving("ingest"),
        sender.x,
        types=("dangan+jwe", "dangan+jws"),
        members=frozenset({"iat", "bid", "aud"}),
    )
    assert (payload.decode() if payload is not None else None) == case.get("payload")


@named(REPLIES["cases"])
def test_a_reply(case: dict[str, Any]) -> None:
    trust = load_trust(json.dumps(REPLIES["trust"]))
    if "code" in case:
        with pytest.raises(DanganError) as refusal:
            open_reply(case["value"].encode(), key=receiving("recipient"), trust=trust)
        assert refusal.value.code == case["code"]
        return
    reply = open_reply(case["value"].encode(), key=receiving("recipient"), trust=trust)
    assert reply.payload.decode() == case["payload"]
    assert {"reply_id": reply.reply_id, "writer": reply.writer, "iat": reply.iat} == case["opened"]


@named(ANNOUNCEMENTS["cases"])
def test_an_announcement(case: dict[str, Any]) -> None:
    trust = load_trust(json.dumps(ANNOUNCEMENTS["trust"]))
    heard = read_announcement(case["value"].encode(), trust=trust)
    if case["says"] is None:
        assert heard is None
        return
    assert heard is not None
    assert case["says"] == {
        "kid": heard.key.kid,
        "x": b64(heard.key.x).decode(),
        "state": heard.state,
        "seal_until": heard.seal_until,
        "announced_at": heard.announced_at,
    }
