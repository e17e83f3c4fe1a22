"""Makes messages that the real sealing code refuses to make: any header bytes, any algorithm names, any parts.

The pieces are joined by hand here, so that a mistake in ``streams/compact.py`` cannot hide itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

Header = Mapping[str, Any] | bytes


def encode(data: bytes) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def as_json(header: Header) -> bytes:
    """The header's bytes: given as they are, or written from a mapping."""
    return header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()


def forge_jws(payload: bytes, header: Header, private: Ed25519PrivateKey) -> bytes:
    """A JWS whose signature holds over whatever header is given."""
    signing_input = encode(as_json(header)) + b"." + encode(payload)
    return signing_input + b"." + encode(private.sign(signing_input))


@dataclass(frozen=True)
class Jwe:
    """The five parts of a JWE, still to be joined."""

    header: Header
    plaintext: bytes
    recipient: bytes
    ephemeral: X25519PrivateKey = field(default_factory=lambda: X25519PrivateKey.from_private_bytes(b"\x07" * 32))
    content_key: bytes = b"\x08" * 32
    iv: bytes = b"\x09" * 12

    def parts(self) -> list[bytes]:
        """Header, encrypted key, IV, ciphertext, tag; each base64url."""
        shared = self.ephemeral.exchange(X25519PublicKey.from_public_bytes(self.recipient))
        name = b"ECDH-ES+A256KW"
        info = len(name).to_bytes(4, "big") + name + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
        wrapping_key = hashlib.sha256((1).to_bytes(4, "big") + shared + info).digest()
        protected = encode(as_json(self.header))
        sealed = AESGCM(self.content_key).encrypt(self.iv, self.plaintext, protected)
        wrapped = aes_key_wrap(wrapping_key, self.content_key)
        return [protected, *(encode(part) for part in (wrapped, self.iv, sealed[:-16], sealed[-16:]))]

    def value(self) -> bytes:
        """The compact serialization."""
        return b".".join(self.parts())

    @property
    def epk(self) -> dict[str, str]:
        """The ephemeral public key as a JWK."""
        x = encode(self.ephemeral.public_key().public_bytes_raw()).decode()
        return {"kty": "OKP", "crv": "X25519", "x": x}
