"""What a recipient signs (签收、确认删除; SHR-10, 11): verified with the keys it had when it was sent to. Pure."""

from __future__ import annotations

from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from keys.okp import thumbprint
from schemas.errors import Refusal
from schemas.sharing import TYP_STATEMENT, Statement
from store.shares import Shared

_ALGORITHM: Final = "Ed25519"
_MAX_AHEAD: Final = 300


def verified_statement(token: str, share: Shared, says: Literal["received", "deleted"], now: float) -> Statement:
    """The statement, if the share's recipient signed it about a package that was made for it.

    Args:
        token: compact JWS.
        says: what it must say.
        now: UNIX seconds.

    Raises:
        Refusal: DG-SHR-060 (not signed by the recipient, or no such statement), 061 (about something else), 062
            (it says something else).
    """
    keys = {thumbprint("Ed25519", x): x for each in share.deliveries for x in each.signing}
    try:
        header: dict[str, Any] = jws.extract_compact(token.encode()).headers()
        x = keys.get(str(header.get("kid")))
        if x is None or header.get("typ") != TYP_STATEMENT:
            raise Refusal("DG-SHR-060", field="statement")
        key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(x))
        said = Statement.model_validate_json(jws.deserialize_compact(token, key, algorithms=[_ALGORITHM]).payload)
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, AttributeError):
        raise Refusal("DG-SHR-060", field="statement") from None
    made = {each.package: each.at for each in share.deliveries}
    if said.recipient != share.request["recipient"]:
        raise Refusal("DG-SHR-060", field="statement")
    if said.share != share.id or said.package not in made:
        raise Refusal("DG-SHR-061", field="statement")
    if said.says != says:
        raise Refusal("DG-SHR-062", field="statement")
    if not made[said.package] - _MAX_AHEAD <= said.at <= now + _MAX_AHEAD:
        raise Refusal("DG-SHR-060", field="statement")
    return said
