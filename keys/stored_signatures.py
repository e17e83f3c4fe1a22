"""The archive's signature on what it stores: whoever can only write to the database cannot make a document of its kind.

A registration says who may do what with which key; an application or a share what is asked for, who has to sign it and
who has; a grant who reads what until when. Each is signed by a key in Vault, over the digest of the stored document;
workers and operators' commands believe none without. A whole older document that is put back is not told by this, nor
one that is taken out: who has seen a registration's newer version tells it by that (consumers/directory.py).
"""

from __future__ import annotations

import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.roots import GRANTS_KEY, REGISTRATIONS_KEY
from schemas.digests import stored_digest

#: How many signatures that held are remembered; each takes about 300 bytes.
_REMEMBERED: Final = 4096
#: Seconds after which the public key is asked for again, and after which it is because a signature does not hold.
_GOOD_FOR: Final = 60.0
_PATIENCE: Final = 5.0


class Kind(NamedTuple):
    """A kind of stored document.

    Attributes:
        key: in Vault, that signs it.
        statement: how each signed text of it begins; no other signature of this system is over a text that begins so.
        raw: the members that are bytes, each by the names that lead to it: raw public keys.
    """

    key: str
    statement: bytes
    raw: frozenset[tuple[str, ...]] = frozenset()


_SIGNERS: Final = frozenset({("steps", "x")})
#: Signed by the administrator's Vault role alone.
REGISTRATION: Final = Kind(
    REGISTRATIONS_KEY, b"dangan-registration\n", frozenset({("signing_keys", "x"), ("receiving_keys", "x")})
)
#: Signed by workers alone: when they are made, and with each signature of a person that was counted.
GRANT: Final = Kind(GRANTS_KEY, b"dangan-grant\n")
APPLICATION: Final = Kind(GRANTS_KEY, b"dangan-application\n", _SIGNERS)
SHARE: Final = Kind(GRANTS_KEY, b"dangan-share\n", _SIGNERS)


class SigningVault(Protocol):
    """The part of Vault's transit engine that signs (keys/vault.py)."""

    async def sign(self, key: str, data: bytes) -> bytes:
        """The raw Ed25519 signature, 64 bytes, of the key's latest version."""

    async def public_key(self, key: str) -> bytes:
        """The raw public key, 32 bytes, of the key's latest version."""


async def sign_stored(vault: SigningVault, kind: Kind, document: Mapping[str, Any]) -> str:
    """The archive's signature over a document.

    Args:
        vault: may sign with the kind's key.
        kind: what the document is.
        document: as it is stored, without the signature.

    Returns:
        Base64 of the Ed25519 signature (RFC 8032).

    Raises:
        DanganError: what Vault refuses.
        Transient: DG-KEY-001 when Vault does not answer.
    """
    return base64.b64encode(await vault.sign(kind.key, _statement(kind, document))).decode()


class StoredSeal:
    """Verifies the archive's signatures on documents with the public key that Vault gave.

    Args:
        vault: knows the public key.
        key: its name in Vault.
        clock: monotonic seconds.
    """

    def __init__(self, vault: SigningVault, key: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._vault = vault
        self._name = key
        self._clock = clock
        self._raw: bytes | None = None
        self._learnt = float("-inf")
        self._key: Ed25519PublicKey | None = None
        self._held: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    async def refresh(self, *, older_than: float = _GOOD_FOR) -> None:
        """Learn the public key once more: it is rotated in Vault when a worker's token was stolen.

        Args:
            older_than: seconds; a younger one is kept.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if self._key is not None and self._clock() - self._learnt < older_than:
            return
        raw = await self._vault.public_key(self._name)
        self._learnt = self._clock()
        if raw != self._raw:  # nothing may be awaited from here on: what held by the old key holds no more
            self._raw, self._key = raw, Ed25519PublicKey.from_public_bytes(raw)
            self._held.clear()

    async def believes(self, kind: Kind, document: Mapping[str, Any], signature: str | None) -> bool:
        """As :meth:`holds`, with a key that is no older than a minute; of what does not hold, than some seconds.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        await self.refresh()
        if self.holds(kind, document, signature):
            return True
        await self.refresh(older_than=_PATIENCE)  # the key may be new; forged ones do not keep Vault busy
        return self.holds(kind, document, signature)

    def holds(self, kind: Kind, document: Mapping[str, Any], signature: str | None) -> bool:
        """Whether the signature is the archive's over just that document; what held is not verified twice."""
        if self._key is None or not isinstance(signature, str) or not _is_plain(document, (), kind.raw):
            return False
        asked = _statement(kind, document), signature
        if asked in self._held:
            return True
        try:
            self._key.verify(base64.b64decode(signature, validate=True), asked[0])
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        self._held[asked] = None
        if len(self._held) > _REMEMBERED:
            self._held.popitem(last=False)
        return True


def _is_plain(value: object, at: tuple[str, ...], raw: frozenset[tuple[str, ...]]) -> bool:
    """Whether a value is of a kind that no other is written like: BSON has some that JSON writes as a text or null."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(each, (*at, name), raw) for name, each in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(each, at, raw) for each in value)
    if at in raw:
        return isinstance(value, bytes)
    return value is None or isinstance(value, str | int)


def _statement(kind: Kind, document: Mapping[str, Any]) -> bytes:
    return kind.statement + stored_digest(document).encode()
