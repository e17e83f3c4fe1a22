"""Vault's transit engine in memory: real ciphertexts, real versions, and a trim that really forgets.

``SimulatedVault`` is a :class:`keys.vault.Transit` whose connection ends in this module instead of a socket, so
that all of Transit's own code runs too: batching, each item's own error, counting. ``tests/keys/test_vault.py``
runs the same cases, random walks over the versions included, on this and on OpenBao.

    vault = SimulatedVault()                  # all keys of keys/roots.py but the index keys
    vault.add_key(index_key("phone", 1), "hmac")
    vault.before_call = hook                  # async (op, key): interleave, crash (raise), or seal before an op
    vault.after_call = hook                   # the same after it: the effect took place, the answer got lost
    vault.down = True                         # every call is a Transient DG-KEY-001
    old = vault.snapshot(); vault.restore(old)   # Vault's own snapshots: the backup horizon
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.roots import SIGNING_KEYS, WATERMARKS_KEY, WRAPPING_ROOTS
from keys.vault import MAX_BATCH, Transit
from schemas.errors import DanganError, Transient

Hook = Callable[[str, str], Awaitable[None]]

TOO_OLD = "ciphertext or signature version is disallowed by policy (too old)"


class Refused(Exception):
    """What Vault would answer with status 400; for one item or for the whole request."""


@dataclass
class TransitKey:
    """One key: the material of each version it still has, and its minimum versions."""

    type: str
    versions: dict[int, bytes] = field(default_factory=dict)
    latest: int = 0
    min_decryption: int = 1
    min_encryption: int = 0
    min_available: int = 0

    def rotate(self) -> None:
        self.latest += 1
        self.versions[self.latest] = os.urandom(32)

    def configure(self, decryption: int | None, encryption: int | None) -> None:
        new_dec = self.min_decryption if decryption is None else max(decryption, 1)
        new_enc = self.min_encryption if encryption is None else encryption
        for wanted in (new_dec, new_enc):
            if wanted > self.latest:
                raise Refused(f"cannot set minimum version of {wanted}, latest key version is {self.latest}")
        if 0 < new_enc < new_dec:
            raise Refused("min encryption version must be greater than or equal to min decryption version")
        if min(new_enc, new_dec) < self.min_available:
            raise Refused("minimum versions should not be less than min available version")
        self.min_decryption, self.min_encryption = new_dec, new_enc

    def trim(self, available: int) -> None:
        if available < max(self.min_available, 1):
            raise Refused("minimum available version must be positive and cannot be decremented")
        if self.min_encryption == 0:
            raise Refused("minimum available version cannot be set when minimum encryption version is not set")
        if available > self.min_encryption or available > self.min_decryption:
            raise Refused("minimum available version cannot be greater than the other minimum versions")
        self.min_available = available
        self.versions = {version: key for version, key in self.versions.items() if version >= available}

    def encrypt(self, plain: bytes) -> tuple[str, int]:
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.versions[self.latest]).encrypt(nonce, plain, None)
        return _text(self.latest, sealed), self.latest

    def decrypt(self, text: str) -> bytes:
        try:
            prefix, version_text, body = text.split(":", 2)
            version, sealed = int(version_text.removeprefix("v")), b64decode(body, validate=True)
        except ValueError as error:
            raise Refused("invalid ciphertext: no prefix") from error
        if prefix != "vault" or version > self.latest or version < 1:
            raise Refused("invalid ciphertext: version is too new")
        if version < self.min_decryption:
            raise Refused(TOO_OLD)
        try:
            return AESGCM(self.versions[version]).decrypt(sealed[:12], sealed[12:], None)
        except (InvalidTag, ValueError) as error:
            raise Refused("cipher: message authentication failed") from error

    def hmac(self, value: bytes, version: int) -> str:
        if version > self.latest:
            raise Refused("cannot generate HMAC: version is too new")
        if version < self.min_encryption or version < self.min_available:
            raise Refused("cannot generate HMAC: version is too old")
        return _text(version, hmac.new(self.versions[version], value, hashlib.sha256).digest())

    def describe(self) -> dict[str, Any]:
        shown: dict[str, Any] = {str(version): 0 for version in self.versions}
        if self.type == "ed25519":
            shown = {
                str(version): {"public_key": b64encode(_signer(key).public_key().public_bytes_raw()).decode()}
                for version, key in self.versions.items()
                if version >= self.min_decryption
            }
        return {
            "type": self.type,
            "keys": shown,
            "latest_version": self.latest,
            "min_decryption_version": self.min_decryption,
            "min_encryption_version": self.min_encryption,
            "min_available_version": self.min_available,
        }


class SimulatedVault(Transit):
    """A Transit without a server. See the module's docstring for its switches."""

    def __init__(self) -> None:
        super().__init__("http://simulated", lambda: "simulated")
        self.keys: dict[str, TransitKey] = {}
        self.down = False
        self.before_call: Hook | None = None
        self.after_call: Hook | None = None
        for name in WRAPPING_ROOTS:
            self.add_key(name, "aes256-gcm96")
        for name in SIGNING_KEYS:
            self.add_key(name, "ed25519")
        self.add_key(WATERMARKS_KEY, "hmac")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def add_key(self, name: str, kind: str = "aes256-gcm96") -> None:
        """Make a key with one version."""
        self.keys[name] = TransitKey(kind)
        self.keys[name].rotate()

    def snapshot(self) -> dict[str, TransitKey]:
        """What Vault's own snapshot would hold: the key material of this moment."""
        return copy.deepcopy(self.keys)

    def restore(self, snapshot: dict[str, TransitKey]) -> None:
        """Bring a snapshot back, forgotten versions included."""
        self.keys = copy.deepcopy(snapshot)

    async def _call(self, op: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        self.calls[op] += 1
        key = path.split("/")[1]
        if self.before_call is not None:
            await self.before_call(op, key)
        if self.down:
            raise Transient("DG-KEY-001", detail=op)
        try:
            answer = self._answer(op, key, body or {})
        except Refused as refusal:
            raise DanganError("DG-KEY-002", detail=f"{op}: {refusal}") from None
        if self.after_call is not None:
            await self.after_call(op, key)
        return answer

    def _answer(self, op: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if name not in self.keys:
            raise Refused("encryption key not found")
        key = self.keys[name]
        match op:
            case "key_info":
                return key.describe()
            case "rotate":
                key.rotate()
            case "configure":
                key.configure(body.get("min_decryption_version"), body.get("min_encryption_version"))
            case "trim":
                key.trim(body["min_available_version"])
            case "sign":
                signature = _signer(key.versions[key.latest]).sign(b64decode(body["input"]))
                return {"signature": _text(key.latest, signature)}
            case _:
                batch = body["batch_input"]
                assert len(batch) <= MAX_BATCH
                return {"batch_results": [_item(op, key, item, body) for item in batch]}
        return {}


def _item(op: str, key: TransitKey, item: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    try:
        if op == "decrypt":
            return {"plaintext": b64encode(key.decrypt(item["ciphertext"])).decode()}
        if op == "hmac":
            return {"hmac": key.hmac(b64decode(item["input"]), body.get("key_version") or key.latest)}
        plain = b64decode(item["plaintext"]) if op == "encrypt" else key.decrypt(item["ciphertext"])
        ciphertext, version = key.encrypt(plain)
    except Refused as refusal:
        return {"error": str(refusal)}
    return {"ciphertext": ciphertext, "key_version": version}


def _text(version: int, raw: bytes) -> str:
    return f"vault:v{version}:{b64encode(raw).decode()}"


def _signer(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)
