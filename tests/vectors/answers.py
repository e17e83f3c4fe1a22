"""The archive's side of the test vectors: replies, writers' certificates, announcements of ingest keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from keys.okp import PublicIngestKey, SigningKey
from keys.roots import ANNOUNCEMENTS_KEY, WRITERS_KEY
from schemas.principals import PublicKey
from schemas.trust import Trust, TrustedKey
from streams.announce import announce
from streams.reply_envelope import seal_reply
from streams.writer import LIFETIME, WriterIdentity, renewed
from tests.simulators.forger import Jwe, encode, forge_jws
from tests.vectors.bundles import (
    ANNOUNCEMENTS,
    BUNDLE_ID,
    INGEST,
    NOW,
    OTHER_INGEST,
    RECIPIENT,
    SECRETS,
    STRANGER,
    WRITER,
    WRITERS,
)

REPLY_ID = "a1f2c3d4-0b1c-4d2e-8f30-5a6b7c8d9e01"
REPLY = json.dumps(
    {
        "replies": [
            {
                "bundle": BUNDLE_ID,
                "results": [{"id": "0c5e1a4e-2f64-4d0a-8a55-3f3c6f0f9a01", "status": "accepted", "version": 1}],
            }
        ]
    },
    separators=(",", ":"),
).encode()
TRUST = Trust(
    writers=(TrustedKey(kid=WRITERS.kid, x=WRITERS.x),),
    announcements=(TrustedKey(kid=ANNOUNCEMENTS.kid, x=ANNOUNCEMENTS.x),),
)


class FixedSigner:
    """Signs as Vault would, with fixed keys."""

    def __init__(self, **keys: SigningKey) -> None:
        self._keys = {WRITERS_KEY: WRITERS, ANNOUNCEMENTS_KEY: ANNOUNCEMENTS, **keys}

    async def sign(self, key: str, data: bytes) -> bytes:
        return self._keys[key].private.sign(data)

    async def public_key(self, key: str) -> bytes:
        return self._keys[key].x


def certified(at: int = NOW, **keys: SigningKey) -> WriterIdentity:
    """A writer with a fixed key and name."""
    blank = WriterIdentity("worker-1.6d2c6f0e-55f2-4f0c-8a44-9d1f6f1f7e21", WRITER, "", 0)
    return asyncio.run(renewed(FixedSigner(**keys), blank, at))


def _reply_header(writer: WriterIdentity, **changes: Any) -> dict[str, Any]:
    header = {"alg": "Ed25519", "kid": WRITER.kid, "typ": "dangan-reply+jws", "iat": NOW, "rid": REPLY_ID}
    return {**header, "aud": RECIPIENT.kid, "wcert": writer.cert, **changes}


def _forged_reply(header: dict[str, Any], signer: SigningKey = WRITER) -> bytes:
    outer = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "dangan-reply+jwe", "kid": RECIPIENT.kid}
    outer["epk"] = Jwe(b"", b"", RECIPIENT.x).epk  # type: ignore[assignment]
    return Jwe(outer, forge_jws(REPLY, header, signer.private), RECIPIENT.x).value()


def _reply_cases() -> Iterator[dict[str, Any]]:
    writer = certified()
    recipient = PublicKey(RECIPIENT.kid, RECIPIENT.x, 0, NOW * 2)
    good = seal_reply(REPLY, writer=writer, recipient=recipient, reply_id=REPLY_ID, iat=NOW, secrets=SECRETS)
    yield {
        "name": "a reply",
        "value": good.decode(),
        "payload": REPLY.decode(),
        "opened": {"reply_id": REPLY_ID, "writer": writer.id, "iat": NOW},
    }
    bad = {
        "a certificate by a key that is not trusted": _forged_reply(
            _reply_header(certified(**{WRITERS_KEY: STRANGER}))
        ),
        "signed before the certificate": _forged_reply(_reply_header(writer, iat=NOW - 301)),
        "signed after the certificate": _forged_reply(_reply_header(writer, iat=NOW + LIFETIME)),
        "signed by another key than the certified": _forged_reply(_reply_header(writer), STRANGER),
        "sealed on to another reader": _forged_reply(_reply_header(writer, aud=OTHER_INGEST.kid)),
        "a bundle's type": _forged_reply(_reply_header(writer, typ="dangan+jws")),
        "cut": good[:-30],
    }
    for name, value in bad.items():
        yield {"name": name, "value": value.decode(), "code": "DG-WIR-016"}


def replies() -> dict[str, Any]:
    """Sealed replies, good and bad."""
    return {"recipient": RECIPIENT.kid, "trust": json.loads(TRUST.dump()), "cases": list(_reply_cases())}


def _announced(signer: FixedSigner, **changes: Any) -> str:
    claims = {"state": "active", "seal_until": NOW + 86_400, "announced_at": NOW, **changes}
    key = PublicIngestKey(INGEST.kid, INGEST.x)
    return asyncio.run(announce(signer, key, **claims))[1].decode()


def _announcement_cases() -> Iterator[dict[str, Any]]:
    signer = FixedSigner()
    said = {"kid": INGEST.kid, "x": encode(INGEST.x).decode(), "seal_until": NOW + 86_400, "announced_at": NOW}
    for state in ("active", "retiring", "destroyed"):
        says = {**said, "state": state}
        yield {"name": f"an {state} key", "value": _announced(signer, state=state), "says": says}
    impostor = FixedSigner(**{ANNOUNCEMENTS_KEY: STRANGER})
    yield {"name": "by a key that is not trusted", "value": _announced(impostor), "says": None}
    header = {"alg": "Ed25519", "kid": ANNOUNCEMENTS.kid, "typ": "dangan-key+jws"}
    foreign = {**said, "state": "active", "x": encode(OTHER_INGEST.x).decode()}
    for name, claims in {"a key under another's name": foreign, "an unknown state": {**said, "state": "new"}}.items():
        value = forge_jws(json.dumps(claims).encode(), header, ANNOUNCEMENTS.private)
        yield {"name": name, "value": value.decode(), "says": None}


def announcements() -> dict[str, Any]:
    """Messages of ``archive.keys``, good and bad."""
    return {"message_key": INGEST.kid, "trust": json.loads(TRUST.dump()), "cases": list(_announcement_cases())}
