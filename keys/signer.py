"""Whatever signs in a person's or system's name: a key file, or a token that never gives its key away.

Everything that signs with a principal's key asks for a :class:`Signer`: bundles (streams/envelope.py), approvals, and
the proof of who acts (ops/operators.py). :class:`keys.okp.SigningKey` is the one from a key file. A hardware token
(PKCS#11: ``CKM_EDDSA`` on an Ed25519 key) is another: three members, docs/people.md says how it is plugged in.
"""

from __future__ import annotations

import base64
import json
from typing import Final, Protocol

from schemas.approvals import TYP_APPROVAL, Approval, ApprovalAction

_ALGORITHM: Final = "Ed25519"  # RFC 9864


class Signer(Protocol):
    """Signs with one Ed25519 key (RFC 8032)."""

    @property
    def kid(self) -> str:
        """The key's RFC 7638 thumbprint."""

    @property
    def x(self) -> bytes:
        """The raw public key, 32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``, 64 bytes; a token may ask its holder for leave first."""


def approval(signer: Signer, *, approver: str, action: ApprovalAction, digest: str, at: int) -> str:
    """An approval: a compact JWS (RFC 7515) as schemas/approvals.py describes it.

    Args:
        signer: the approver's.
        approver: the approver's principal id.
        action: what is signed.
        digest: of the request (schemas/approvals.digest_of).
        at: when, UNIX seconds.
    """
    said = Approval(action=action, digest=digest, approver=approver, at=at)
    return signed_text(signer, typ=TYP_APPROVAL, payload=said.model_dump_json().encode())


def signed_text(signer: Signer, *, typ: str, payload: bytes) -> str:
    """A compact JWS of a type over a payload."""
    header = json.dumps({"alg": _ALGORITHM, "kid": signer.kid, "typ": typ}, separators=(",", ":")).encode()
    signing_input = _encode(header) + b"." + _encode(payload)
    return (signing_input + b"." + _encode(signer.sign(signing_input))).decode()


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
