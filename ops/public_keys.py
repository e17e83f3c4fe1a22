"""The public part of a principal's key file: what is registered (``dangan keys show`` prints it)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from keys.okp import Curve, thumbprint
from schemas.errors import DanganError
from schemas.principals import PublicKey
from schemas.wire import PRINCIPAL


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """A principal's id and its public keys: raw Ed25519 (signing) and X25519 (receiving), 32 bytes each."""

    principal: str
    signing: bytes
    receiving: bytes

    def valid(self, not_before: int, not_after: int) -> tuple[PublicKey, PublicKey]:
        """Both keys as they are registered, valid between two times (UNIX seconds)."""
        return (
            PublicKey(thumbprint("Ed25519", self.signing), self.signing, not_before, not_after),
            PublicKey(thumbprint("X25519", self.receiving), self.receiving, not_before, not_after),
        )


def read_public_keys(text: str) -> PublicKeys:
    """Read the JSON that ``dangan keys new`` printed.

    Raises:
        DanganError: DG-OPS-033 when it is something else; also for a file that holds private keys, which
            belongs in nobody else's hands.
    """
    try:
        document = json.loads(text)
        private = {"private", "sealed"} & document.keys()
        keys = PublicKeys(
            document["principal"],
            _raw(document["signing"], "Ed25519"),
            _raw(document["receiving"], "X25519"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DanganError("DG-OPS-033") from error
    if private:
        raise DanganError("DG-OPS-033", detail="it holds private keys; keep that file to yourself")
    if not PRINCIPAL.fullmatch(keys.principal):
        raise DanganError("DG-OPS-033", field="principal")
    return keys


def _raw(jwk: dict[str, Any], curve: Curve) -> bytes:
    raw = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
    if jwk["crv"] != curve or jwk["kid"] != thumbprint(curve, raw):
        raise ValueError("not this kind of key")
    return raw
