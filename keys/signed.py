"""What the archive states over its signature: compact JWS (RFC 7515), signed in Vault, verified with public keys alone.

The type in the header (``typ``) keeps one kind of statement from passing for another.
"""

from __future__ import annotations

import base64
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.okp import thumbprint
from keys.roots import CERTIFICATES_KEY
from keys.vault import Transit
from schemas.errors import DanganError
from schemas.trust import Trust

_ALG: Final = "Ed25519"  # RFC 9864: EdDSA with the curve in its name
_MAX_BYTES: Final = 8 << 20


async def sign_compact(transit: Transit, typ: str, payload: bytes) -> str:
    """The payload as one compact JWS, signed with ``dangan-certificates``."""
    kid = thumbprint("Ed25519", await transit.public_key(CERTIFICATES_KEY))
    header = orjson.dumps({"alg": _ALG, "kid": kid, "typ": typ})
    signed = b".".join((_b64(header), _b64(payload)))
    return b".".join((signed, _b64(await transit.sign(CERTIFICATES_KEY, signed)))).decode()


def verified_payload(jws: str, typ: str, trust: Trust) -> bytes:
    """The payload, if it is of that type and signed by a trusted key for certificates. Offline.

    Args:
        jws: compact JWS, at most 8 MiB.
        typ: what it must be.
        trust: the pinned keys.

    Raises:
        DanganError: DG-CER-001 (not such a statement), -002 (not a trusted signature).
    """
    if len(jws) > _MAX_BYTES:
        raise DanganError("DG-CER-001", detail="too long")
    try:
        header_part, payload_part, signature_part = jws.strip().encode("ascii").split(b".")
        header = orjson.loads(_unb64(header_part))
        payload, signature = _unb64(payload_part), _unb64(signature_part)
    except ValueError:
        raise DanganError("DG-CER-001") from None
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"} or header["typ"] != typ:
        raise DanganError("DG-CER-001", detail="header")
    x = trust.key("certificates", str(header["kid"])) if header["alg"] == _ALG else None
    if x is None:
        raise DanganError("DG-CER-002")
    try:
        Ed25519PublicKey.from_public_bytes(x).verify(signature, header_part + b"." + payload_part)
    except InvalidSignature:
        raise DanganError("DG-CER-002") from None
    return payload


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    raw = base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    if _b64(raw) != data:  # one text for one value: no stray bits, no padding
        raise ValueError(data)
    return raw
