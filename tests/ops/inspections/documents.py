"""Documents that inspections are given."""

from __future__ import annotations

import base64
import json

from keys.principal_keys import PrincipalKeys


def public_text(keys: PrincipalKeys) -> str:
    """What ``dangan keys show`` prints of a principal."""

    def jwk(curve: str, kid: str, x: bytes) -> dict[str, str]:
        return {"kty": "OKP", "crv": curve, "kid": kid, "x": base64.urlsafe_b64encode(x).decode().rstrip("=")}

    return json.dumps(
        {
            "principal": keys.principal,
            "signing": jwk("Ed25519", keys.signing.kid, keys.signing.x),
            "receiving": jwk("X25519", keys.receiving.kid, keys.receiving.x),
        }
    )
