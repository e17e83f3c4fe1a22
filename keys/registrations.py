"""The archive's signature on registrations: whoever can only write to the database cannot register anybody.

A registration says who may do what with which key. It is signed by Vault's key ``dangan-registrations``, for which the
administrator's role alone has leave, over the digest of the stored document, its version included. Who looks
principals up verifies it (consumers/directory.py). An old signed registration that is put back is told by its version,
by whoever has seen the newer one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.roots import REGISTRATIONS_KEY
from schemas.digests import stored_digest

#: No other signature of this system is over a text that begins so.
_STATEMENT: Final = b"dangan-registration\n%b"


class SigningVault(Protocol):
    """The part of Vault's transit engine that signs (keys/vault.py)."""

    async def sign(self, key: str, data: bytes) -> bytes:
        """The raw Ed25519 signature, 64 bytes, of the key's latest version."""

    async def public_key(self, key: str) -> bytes:
        """The raw public key, 32 bytes, of the key's latest version."""


async def sign_registration(vault: SigningVault, document: Mapping[str, Any]) -> str:
    """The archive's signature over a registration.

    Args:
        vault: may sign with ``dangan-registrations``.
        document: as it is stored, without the signature (store/principals.principal_document).

    Returns:
        Base64 of the Ed25519 signature (RFC 8032).

    Raises:
        DanganError: what Vault refuses.
    """
    return base64.b64encode(await vault.sign(REGISTRATIONS_KEY, _statement(document))).decode()


class RegistrationSeal:
    """Verifies signatures of registrations with the public key that Vault gave.

    Args:
        vault: knows the public key of ``dangan-registrations``.
    """

    def __init__(self, vault: SigningVault) -> None:
        self._vault = vault
        self._key: Ed25519PublicKey | None = None

    async def refresh(self, *, anew: bool = False) -> None:
        """Learn the public key; it changes only when somebody rotates it in Vault.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if self._key is None or anew:
            self._key = Ed25519PublicKey.from_public_bytes(await self._vault.public_key(REGISTRATIONS_KEY))

    def holds(self, document: Mapping[str, Any], signature: str | None) -> bool:
        """Whether the signature is the archive's over just that registration."""
        if self._key is None or not isinstance(signature, str):
            return False
        try:
            self._key.verify(base64.b64decode(signature, validate=True), _statement(document))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _statement(document: Mapping[str, Any]) -> bytes:
    return _STATEMENT % stored_digest(document).encode()
