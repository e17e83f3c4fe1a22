"""A worker process's own identity: a signing key that lives as long as the process, vouched for by Vault.

What a process says (replies, audit checkpoints) is signed with an ephemeral Ed25519 key, at memory speed.
The key is certified once, by the transit key ``dangan-writers``, so that whoever holds that key's public half
(the trust file) can verify everything offline, and nobody who merely may write to a topic can speak for the
archive.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from keys.okp import SigningKey, thumbprint
from keys.roots import WRITERS_KEY
from schemas.errors import DanganError
from schemas.trust import Trust
from schemas.wire import MAX_PROTECTED, PRINCIPAL, TYP_WRITER
from streams import compact

LIFETIME: Final = 30 * 24 * 3600
#: Clocks of workers and readers may differ by this many seconds.
SKEW: Final = 300
MAX_CERTIFICATE: Final = 1024


class Signer(Protocol):
    """The part of Vault's transit engine that signs (keys/vault.py)."""

    async def sign(self, key: str, data: bytes) -> bytes:
        """The raw Ed25519 signature, 64 bytes, of the key's latest version."""

    async def public_key(self, key: str) -> bytes:
        """The raw public key, 32 bytes, of the key's latest version."""


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """What a process signs with.

    Attributes:
        id: ``name.boot-uuid``: the process's name and a UUID of this start.
        key: its Ed25519 key, never stored.
        cert: compact JWS by ``dangan-writers`` over ``{"writer", "x", "nbf", "exp"}``.
        expires_at: UNIX seconds; have it :func:`renewed` well before.
    """

    id: str
    key: SigningKey = field(repr=False)
    cert: str = field(repr=False)
    expires_at: int

    @property
    def x(self) -> bytes:
        """The raw Ed25519 public key, 32 bytes."""
        return self.key.x

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature, 64 bytes."""
        return self.key.private.sign(data)


@dataclass(frozen=True, slots=True)
class CertifiedWriter:
    """A writer whose certificate holds: its id, raw public key (32 bytes) and validity (UNIX seconds)."""

    id: str
    x: bytes
    not_before: int
    not_after: int


async def new_writer(transit: Signer, name: str, now: float) -> WriterIdentity:
    """Make an identity for this process and have Vault certify it.

    Args:
        transit: signs with ``dangan-writers``.
        name: the process's name, for instance ``worker-1``; at most 27 characters of ``A-Z a-z 0-9 . _ -``.
        now: UNIX seconds.

    Raises:
        DanganError: what ``transit`` raises.
    """
    blank = WriterIdentity(f"{name}.{uuid.uuid4()}", SigningKey.generate(), "", 0)
    return await renewed(transit, blank, now)


async def renewed(transit: Signer, writer: WriterIdentity, now: float) -> WriterIdentity:
    """The same identity and key with a certificate from ``now`` on."""
    not_before, not_after = int(now) - SKEW, int(now) + LIFETIME
    claims = {
        "writer": writer.id,
        "x": compact.b64(writer.x).decode(),
        "nbf": not_before,
        "exp": not_after,
    }
    kid = thumbprint("Ed25519", await transit.public_key(WRITERS_KEY))
    payload = json.dumps(claims, separators=(",", ":")).encode()
    signing_input = compact.signing_input_of(payload, {"kid": kid, "typ": TYP_WRITER})
    signature = await transit.sign(WRITERS_KEY, signing_input)
    cert = (signing_input + b"." + compact.b64(signature)).decode()
    return replace(writer, cert=cert, expires_at=not_after)


def certified_writer(cert: str, *, trust: Trust, at: float | None) -> CertifiedWriter:
    """Verify a writer's certificate offline.

    Args:
        cert: the compact JWS.
        trust: holds the public keys of ``dangan-writers``.
        at: when the writer signed (UNIX seconds); None when that is not known, and any time will do.

    Raises:
        DanganError: DG-WIR-016.
    """
    writer = _verified(cert, trust)
    if writer is None or (at is not None and not writer.not_before <= at < writer.not_after):
        raise DanganError("DG-WIR-016", detail="writer certificate")
    return writer


def _verified(cert: str, trust: Trust) -> CertifiedWriter | None:
    if len(cert) > MAX_CERTIFICATE or not cert.isascii():
        return None
    try:
        signed = compact.parse_signed(cert.encode(), typ=TYP_WRITER, max_protected=MAX_PROTECTED)
        issuer = trust.key("writers", signed.kid)
        if issuer is None or not compact.verify(signed, issuer):
            return None
        claims = json.loads(signed.payload())
        writer = CertifiedWriter(claims["writer"], compact.unb64(claims["x"].encode()), claims["nbf"], claims["exp"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    named = isinstance(writer.id, str) and PRINCIPAL.fullmatch(writer.id) is not None
    timed = type(writer.not_before) is int and type(writer.not_after) is int
    return writer if named and timed and len(writer.x) == 32 else None
