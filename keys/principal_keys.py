"""Key files of principals: the Ed25519 and X25519 key of a person or system, under a passphrase if wanted.

```json
{"dangan_keys": 1, "principal": "sys:crm",
 "signing":   {"kid": "...", "kty": "OKP", "crv": "Ed25519", "x": "..."},
 "receiving": {"kid": "...", "kty": "OKP", "crv": "X25519", "x": "..."},
 "private": {"signing": "...", "receiving": "..."}}
```

With a passphrase ``sealed`` stands in the place of ``private``: AES-256-GCM over both raw private keys, under a
key that scrypt (RFC 7914) makes of the passphrase; the public part is authenticated with it. Binary values are
base64url without padding. The archive never sees this file: what is registered is its public part.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keys.okp import Curve, ReceivingKey, SigningKey
from schemas.errors import DanganError
from schemas.wire import PRINCIPAL

VERSION: Final = 1
#: scrypt's costs: 64 MiB and about 0.2 s. A file may ask for up to 16 times that, not for all memory.
_N, _R, _P, _MAX_N = 1 << 16, 8, 1, 1 << 20
_RAW = 32


@dataclass(frozen=True, slots=True)
class PrincipalKeys:
    """A principal's id and both private keys; ``instance`` is the place they are used from (ops/people/instance.py)."""

    principal: str
    signing: SigningKey = field(repr=False)
    receiving: ReceivingKey = field(repr=False)
    instance: str | None = field(default=None, compare=False)

    @classmethod
    def generate(cls, principal: str) -> PrincipalKeys:
        """New random keys.

        Raises:
            DanganError: DG-WIR-022 when the principal's id is not an opaque reference.
        """
        if not PRINCIPAL.fullmatch(principal):
            raise DanganError("DG-WIR-022", field="principal", detail="3 to 64 of A-Z a-z 0-9 . _ : -")
        return cls(principal, SigningKey.generate(), ReceivingKey.generate())

    def public(self) -> dict[str, Any]:
        """What is registered with the archive: the file without its private part."""
        return {
            "dangan_keys": VERSION,
            "principal": self.principal,
            "signing": _jwk("Ed25519", self.signing.kid, self.signing.x),
            "receiving": _jwk("X25519", self.receiving.kid, self.receiving.x),
        }


def dump_keys(keys: PrincipalKeys, passphrase: bytes | None) -> str:
    """The key file's text; keep it readable to its owner only."""
    public = keys.public()
    signing, receiving = keys.signing.private.private_bytes_raw(), keys.receiving.private.private_bytes_raw()
    if passphrase is None:
        private = {"signing": _encode(signing), "receiving": _encode(receiving)}
        return json.dumps({**public, "private": private}, indent=1) + "\n"
    salt, nonce = os.urandom(16), os.urandom(12)
    costs = {"kdf": "scrypt", "n": _N, "r": _R, "p": _P, "salt": _encode(salt)}
    key = _stretch(passphrase, costs)
    ciphertext = AESGCM(key).encrypt(nonce, signing + receiving, _bound(public))
    sealed = {**costs, "nonce": _encode(nonce), "ciphertext": _encode(ciphertext)}
    return json.dumps({**public, "sealed": sealed}, indent=1) + "\n"


def load_keys(text: str, passphrase: bytes | None) -> PrincipalKeys:
    """Read a key file.

    Raises:
        DanganError: DG-WIR-022 when it is not one, was altered, or the passphrase is missing or wrong.
    """
    try:
        document = json.loads(text)
        public = {name: document[name] for name in ("dangan_keys", "principal", "signing", "receiving")}
        raw = _private(document, public, passphrase)
        keys = PrincipalKeys(
            public["principal"],
            SigningKey.of(Ed25519PrivateKey.from_private_bytes(raw[:_RAW])),
            ReceivingKey.of(X25519PrivateKey.from_private_bytes(raw[_RAW:])),
        )
        matches = keys.public() == public and PRINCIPAL.fullmatch(keys.principal) is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DanganError("DG-WIR-022", detail="not a key file of version 1") from None
    if not matches:
        raise DanganError("DG-WIR-022", detail="public and private part differ")
    return keys


def is_sealed(text: str) -> bool:
    """Whether the file asks for a passphrase; False for what is no key file at all."""
    try:
        return "sealed" in json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return False


def _private(document: dict[str, Any], public: dict[str, Any], passphrase: bytes | None) -> bytes:
    if "private" in document:
        return _decode(document["private"]["signing"]) + _decode(document["private"]["receiving"])
    if passphrase is None:
        raise DanganError("DG-WIR-022", field="passphrase", detail="the file is sealed")
    sealed = document["sealed"]
    if sealed["kdf"] != "scrypt" or not 2 <= sealed["n"] <= _MAX_N or (sealed["r"], sealed["p"]) != (_R, _P):
        raise ValueError("costs")
    try:
        key = _stretch(passphrase, sealed)
        return AESGCM(key).decrypt(_decode(sealed["nonce"]), _decode(sealed["ciphertext"]), _bound(public))
    except InvalidTag:
        raise DanganError("DG-WIR-022", field="passphrase", detail="wrong, or the file was altered") from None


def _stretch(passphrase: bytes, costs: dict[str, Any]) -> bytes:
    salt = _decode(costs["salt"])
    return Scrypt(salt=salt, length=32, n=costs["n"], r=costs["r"], p=costs["p"]).derive(passphrase)


def _bound(public: dict[str, Any]) -> bytes:
    return json.dumps(public, sort_keys=True, separators=(",", ":")).encode()


def _jwk(curve: Curve, kid: str, x: bytes) -> dict[str, str]:
    return {"kid": kid, "kty": "OKP", "crv": curve, "x": _encode(x)}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
