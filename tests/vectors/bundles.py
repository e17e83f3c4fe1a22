"""The senders' side of the test vectors: key pairs, and sealed bundles good and bad, each with its outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.okp import PublicIngestKey, ReceivingKey, SigningKey
from streams.compact import SealingSecrets
from streams.envelope import bundle_headers, seal_bundle
from tests.simulators.forger import Header, Jwe, as_json, encode, forge_jws

NOW = 1_770_000_000
SENDER = "sys:crm"
BUNDLE_ID = "6b1f0f52-7f0c-4c55-9a3e-0c1b8e7d2a11"
PAYLOAD = json.dumps(
    {
        "commands": [
            {
                "type": "collect",
                "id": "0c5e1a4e-2f64-4d0a-8a55-3f3c6f0f9a01",
                "record": "crm:000017",
                "subject": "party:000009",
                "purpose": "account_service",
                "legal_basis": "contract",
                "fields": {"name": "测试客户", "mobile": "+8613800000000", "balance": 12.5},
            }
        ]
    },
    ensure_ascii=False,
    separators=(",", ":"),
).encode()


def _signing(seed: int) -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def _receiving(seed: int) -> ReceivingKey:
    return ReceivingKey.of(X25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


INGEST, OTHER_INGEST, RECIPIENT = _receiving(1), _receiving(2), _receiving(3)
SIGNER, STRANGER, EXPIRED, REVOKED = _signing(11), _signing(12), _signing(13), _signing(14)
WRITERS, ANNOUNCEMENTS, WRITER = _signing(15), _signing(16), _signing(17)
SECRETS = SealingSecrets(X25519PrivateKey.from_private_bytes(b"\x07" * 32), b"\x08" * 32, b"\x09" * 12)


def keys() -> dict[str, Any]:
    """Every key pair, by what it stands for."""
    pairs: dict[str, SigningKey | ReceivingKey] = {
        "ingest": INGEST,
        "ingest_unknown": OTHER_INGEST,
        "recipient": RECIPIENT,
        "sender": SIGNER,
        "sender_unregistered": STRANGER,
        "sender_expired": EXPIRED,
        "sender_revoked": REVOKED,
        "writers": WRITERS,
        "announcements": ANNOUNCEMENTS,
        "writer": WRITER,
    }
    return {name: _jwk(pair) for name, pair in pairs.items()}


def _jwk(pair: SigningKey | ReceivingKey) -> dict[str, str]:
    curve = "Ed25519" if isinstance(pair, SigningKey) else "X25519"
    d = encode(pair.private.private_bytes_raw()).decode()
    return {"kid": pair.kid, "kty": "OKP", "crv": curve, "x": encode(pair.x).decode(), "d": d}


def jws_header(**changes: Any) -> dict[str, Any]:
    """A good bundle's inner header, with changes; a change to None takes the member out."""
    header = {
        "alg": "Ed25519",
        "kid": SIGNER.kid,
        "typ": "dangan+jws",
        "iat": NOW,
        "bid": BUNDLE_ID,
        "aud": INGEST.kid,
        **changes,
    }
    return {name: part for name, part in header.items() if part is not None}


def jwe_header(**changes: Any) -> dict[str, Any]:
    """A good bundle's outer header, with changes; a change to None takes the member out."""
    epk = Jwe(b"", b"", INGEST.x).epk
    header = {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "typ": "dangan+jwe",
        "kid": INGEST.kid,
        "epk": epk,
        **changes,
    }
    return {name: part for name, part in header.items() if part is not None}


def forged(
    *,
    payload: bytes = PAYLOAD,
    inner: Header | None = None,
    outer: Header | None = None,
    signer: SigningKey = SIGNER,
    plaintext: Callable[[bytes], bytes] = lambda jws: jws,
    recipient: ReceivingKey = INGEST,
) -> bytes:
    """A sealed bundle with anything in its headers."""
    jws = forge_jws(payload, inner if inner is not None else jws_header(kid=signer.kid), signer.private)
    return Jwe(outer if outer is not None else jwe_header(), plaintext(jws), recipient.x).value()


def headers(**changes: str | None) -> dict[str, str]:
    """A good bundle's Kafka headers, with changes (underscore for the hyphen)."""
    good = bundle_headers("collect", sender=SENDER, bundle_id=BUNDLE_ID, time="2026-02-02T02:40:00.000Z")
    merged = {name: raw.decode() for name, raw in good}
    merged |= {name.replace("content_type", "content-type"): part or "" for name, part in changes.items()}
    return {name: part for name, part in merged.items() if part}


def _case(name: str, value: bytes, code: str | None = None, **more: Any) -> dict[str, Any]:
    case = {"name": name, "family": "collect", "headers": headers(), "value": value.decode(), **more}
    return case | ({"code": code} if code else {})


def _commands(*commands: dict[str, Any]) -> bytes:
    return json.dumps({"commands": commands}, separators=(",", ":")).encode()


def _good() -> Iterator[dict[str, Any]]:
    ingest_key = PublicIngestKey(INGEST.kid, INGEST.x)
    value = seal_bundle(
        PAYLOAD, signing_key=SIGNER, ingest_key=ingest_key, bundle_id=BUNDLE_ID, iat=NOW, secrets=SECRETS
    )
    opened = {"sender": SENDER, "bundle_id": BUNDLE_ID, "kid_ingest": INGEST.kid, "kid_sender": SIGNER.kid}
    result = {"opened": {**opened, "iat": NOW}, "payload": PAYLOAD.decode()}
    yield _case(
        "a bundle of one command",
        value,
        **result,
        secrets={
            "ephemeral_d": encode(SECRETS.ephemeral.private_bytes_raw()).decode(),
            "content_key": encode(SECRETS.content_key).decode(),
            "iv": encode(SECRETS.iv).decode(),
        },
    )
    reordered = as_json(dict(reversed(jws_header().items()))).replace(b":", b" : ")
    yield _case("header members in another order, with spaces", forged(inner=reordered), **result)


def _bad_outside() -> Iterator[dict[str, Any]]:
    good = forged()
    parts = good.split(b".")
    yield _case("no content type", good, "DG-WIR-001", headers=headers(content_type=None))
    plain = headers(content_type="application/json")
    yield _case("plain JSON", b'{"commands":[]}', "DG-WIR-001", headers=plain)
    yield _case("over the size limit", good, "DG-WIR-002", limits={"max_value": 512})
    for name in ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"):
        yield _case(f"no {name}", good, "DG-WIR-015", headers=headers(**{name: None}))
    yield _case("another family's type", good, "DG-WIR-014", headers=headers(ce_type="archive.update.v1"))
    yield _case("four parts", b".".join(parts[:4]), "DG-WIR-003")
    yield _case("empty", b"", "DG-WIR-003")
    yield _case("padded base64", b".".join([*parts[:4], parts[4] + b"=="]), "DG-WIR-003")
    outer: dict[str, Header] = {
        "key agreement without key wrap": jwe_header(alg="ECDH-ES"),
        "another cipher": jwe_header(enc="A256CBC-HS512"),
        "compression": jwe_header(zip="DEF"),
        "a critical extension": jwe_header(crit=["exp"], exp=NOW),
        "another type": jwe_header(typ="JWE"),
        "no type": jwe_header(typ=None),
        "party info": jwe_header(apu="QQ"),
        "an ephemeral key on another curve": jwe_header(epk={"kty": "EC", "crv": "P-256", "x": "A" * 43}),
        "a header member twice": as_json(jwe_header()).replace(b'{"alg"', b'{"alg":"ECDH-ES","alg"'),
        "a header that is no object": b"[1]",
        "a header nested without end": b"[" * 600,
    }
    for name, header in outer.items():
        yield _case(name, forged(outer=header), "DG-WIR-003")
    yield _case("an unknown ingest key", forged(outer=jwe_header(kid=OTHER_INGEST.kid)), "DG-WIR-004")
    yield _case("sealed to another key", forged(recipient=OTHER_INGEST), "DG-WIR-005")
    yield _case("cut ciphertext", b".".join([*parts[:3], parts[3][:-8], parts[4]]), "DG-WIR-005")
    yield _case("altered ciphertext", b".".join([*parts[:3], _flip(parts[3]), parts[4]]), "DG-WIR-005")
    yield _case("altered tag", b".".join([*parts[:4], _flip(parts[4])]), "DG-WIR-005")
    respelled = encode(as_json(jwe_header()).replace(b":", b": "))
    yield _case("header spelled otherwise", b".".join([respelled, *parts[1:]]), "DG-WIR-005")


def _flip(segment: bytes) -> bytes:
    return (b"B" if segment[:1] == b"A" else b"A") + segment[1:]


def _bad_inside() -> Iterator[dict[str, Any]]:
    yield _case("no signature", forged(plaintext=lambda jws: PAYLOAD), "DG-WIR-006")
    inner: dict[str, Header] = {
        "HMAC": jws_header(alg="HS256"),
        "no algorithm": jws_header(alg="none"),
        "the older algorithm name": jws_header(alg="EdDSA"),
        "another type inside": jws_header(typ="dangan-reply+jws"),
        "a key in the header": jws_header(jwk={"kty": "OKP"}),
        "unencoded payload": jws_header(b64=False, crit=["b64"]),
        "sealed on to another archive": jws_header(aud=OTHER_INGEST.kid),
        "a fractional time": jws_header(iat=NOW + 0.5),
        "a truth value as time": jws_header(iat=True),
        "no bundle id": jws_header(bid=None),
        "an inner member twice": as_json(jws_header()).replace(b'"iat"', b'"iat":1,"iat"'),
    }
    for name, header in inner.items():
        yield _case(name, forged(inner=header), "DG-WIR-006")
    yield _case("an unregistered signer", forged(signer=STRANGER), "DG-WIR-007")
    yield _case("signed by somebody else", forged(inner=jws_header(), signer=STRANGER), "DG-WIR-008")
    yield _case("altered payload", forged(plaintext=_alter_payload), "DG-WIR-008")
    yield _case("an expired key", forged(signer=EXPIRED), "DG-WIR-009")
    yield _case("a revoked key", forged(signer=REVOKED), "DG-WIR-009")
    yield _case("eight days old", forged(inner=jws_header(iat=NOW - 8 * 86_400)), "DG-WIR-013")
    yield _case("from the future", forged(inner=jws_header(iat=NOW + 301)), "DG-WIR-013")
    yield _case("another bundle's id", forged(), "DG-WIR-015", headers=headers(ce_id=BUNDLE_ID[:-1] + "2"))
    yield _case("another sender's name", forged(), "DG-WIR-015", headers=headers(ce_source="sys:erp"))


def _alter_payload(jws: bytes) -> bytes:
    header, payload, signature = jws.split(b".")
    return b".".join([header, _flip(payload), signature])


def _bad_content() -> Iterator[dict[str, Any]]:
    command = json.loads(PAYLOAD)["commands"][0]
    contents: list[tuple[str, bytes, str]] = [
        ("not JSON", b"commands", "DG-WIR-010"),
        ("not UTF-8", b'{"commands":["\xff"]}', "DG-WIR-010"),
        ("NaN", b'{"commands":[NaN]}', "DG-WIR-010"),
        ("nested too deeply", b"[" * 300 + b"]" * 300, "DG-WIR-010"),
        ("a member twice", b'{"commands":[{"type":"collect","type":"collect"}]}', "DG-WIR-010"),
        ("an integer beyond 53 bits", b'{"commands":[9007199254740993]}', "DG-WIR-011"),
        ("an unknown member", _commands({**command, "note": "x"}), "DG-WIR-011"),
        ("a field with a bad name", _commands({**command, "fields": {"Name": "x"}}), "DG-WIR-011"),
        ("not an object", b"[]", "DG-WIR-011"),
        ("no commands", b'{"commands":[]}', "DG-WIR-012"),
        ("257 commands", _commands(*[{"type": "collect"}] * 257), "DG-WIR-012"),
        ("an update among collects", _commands(command, {**command, "type": "update"}), "DG-WIR-014"),
    ]
    for name, payload, code in contents:
        yield _case(name, forged(payload=payload), code)


def bundles() -> dict[str, Any]:
    """Sealed bundles, good and bad."""
    registered = {
        SIGNER.kid: {"principal": SENDER, "not_before": 0, "not_after": NOW * 2},
        EXPIRED.kid: {"principal": SENDER, "not_before": 0, "not_after": NOW - 1},
        REVOKED.kid: {"principal": SENDER, "not_before": 0, "not_after": NOW * 2, "revoked_at": NOW - 1},
    }
    cases = [*_good(), *_bad_outside(), *_bad_inside(), *_bad_content()]
    return {"now": NOW, "registered": registered, "cases": cases}
