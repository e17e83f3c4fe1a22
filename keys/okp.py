"""Octet key pairs (RFC 8037): Ed25519 for signing, X25519 for receiving, named by RFC 7638 thumbprints."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

Curve = Literal["Ed25519", "X25519"]


def thumbprint(curve: Curve, x: bytes) -> str:
    """The key id: SHA-256 over the public JWK's required members, base64url (RFC 7638, RFC 8037 section 2).

    Args:
        curve: the key's curve.
        x: the raw public key, 32 bytes.
    """
    encoded = base64.urlsafe_b64encode(x).rstrip(b"=")
    jwk = b'{"crv":"%b","kty":"OKP","x":"%b"}' % (curve.encode(), encoded)
    return base64.urlsafe_b64encode(hashlib.sha256(jwk).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key and its id."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new random key."""
        return cls.of(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """The key with its thumbprint as id."""
        return cls(thumbprint("Ed25519", private.public_key().public_bytes_raw()), private)

    @property
    def x(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032) over ``data``, 64 bytes."""
        return self.private.sign(data)


@dataclass(frozen=True, slots=True)
class ReceivingKey:
    """An X25519 private key and its id."""

    kid: str
    private: X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new random key."""
        return cls.of(X25519PrivateKey.generate())

    @classmethod
    def of(cls, private: X25519PrivateKey) -> Self:
        """The key with its thumbprint as id."""
        return cls(thumbprint("X25519", private.public_key().public_bytes_raw()), private)

    @property
    def x(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class PublicIngestKey:
    """What a bundle is sealed to: key id and raw X25519 public key (32 bytes)."""

    kid: str
    x: bytes
