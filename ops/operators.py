"""Who acts: an administrator, shown by a signature with a registered key, not by a name that anybody may type.

The key file's owner signs a statement that no other signature of this system can pass for (``_STATEMENT``), with a
random part made for this act; the registration, which must carry the archive's signature where it is demanded, says
whether the key is good and its principal an administrator. The
process that checks it is the operator's own: it is a guard against mistaken and false names, not against somebody who
has the admin role's Vault token and the database's address, and writes without this program (docs/threat-model.md).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consumers.standing import bar
from keys.principal_keys import PrincipalKeys
from keys.signer import Signer
from ops.audited import Desk
from ops.people.believed import believed
from ops.people.permissions import people_rules
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.rule_tables.people import ADMINISTRATOR, People

__all__ = ["ADMINISTRATOR", "may_bootstrap", "operator_of", "prove", "sign_statement", "verified_operator"]

_STATEMENT: Final = b"dangan-operator\n%b\n%b"


def sign_statement(key: Signer, principal: str, nonce: bytes) -> bytes:
    """The operator's signature (Ed25519, RFC 8032) under the statement that it is he who acts.

    Args:
        key: the operator's signing key.
        principal: the operator's principal id.
        nonce: random bytes of this act.
    """
    return key.sign(_STATEMENT % (principal.encode(), nonce))


def verified_operator(
    known: Principal | None,
    kid: str,
    nonce: bytes,
    signature: bytes,
    *,
    now: float,
    roles: Collection[str] = (ADMINISTRATOR,),
    people: People | None = None,
) -> str:
    """The operator's principal id, if he is active, has a role asked for and signed with a key that is good now.

    Args:
        known: the registration under the id that the operator states, or None.
        kid: the id of the key that signed.
        nonce: what was to be signed.
        signature: 64 bytes.
        now: UNIX seconds.
        roles: one of these is needed.
        people: what the organisation demands of people; None: what the registration itself says is looked at alone.

    Raises:
        DanganError: DG-OPS-060, saying what is missing; DG-SEC-008, 009, 011 or 012 when the registration gives
            nothing at the moment.
    """
    if known is None:
        raise DanganError("DG-OPS-060", detail="not registered")
    if not known.active or known.roles.isdisjoint(roles):
        raise DanganError("DG-OPS-060", detail=f"inactive, or without the role {' or '.join(roles)}")
    if (code := bar(known, people, now)) is not None:
        raise DanganError(code, field=known.id)
    key = known.signing_key(kid)
    if key is None or not key.valid_at(now):
        raise DanganError("DG-OPS-060", detail="the key is not registered, expired or revoked")
    try:
        Ed25519PublicKey.from_public_bytes(key.x).verify(signature, _STATEMENT % (known.id.encode(), nonce))
    except InvalidSignature:
        raise DanganError("DG-OPS-060", detail="the signature does not verify") from None
    return known.id


async def operator_of(
    at: Desk,
    keys: PrincipalKeys,
    *,
    now: float,
    roles: Collection[str] | None = (ADMINISTRATOR,),
    people: People | None = None,
) -> str:
    """Who acts at a desk: the owner of a key file, as the archive registered him.

    Args:
        at: the desk.
        keys: the operator's.
        now: UNIX seconds.
        roles: the operator must have one of these; None: whatever roles he has.
        people: what the organisation demands; by default what the installation's profile says.

    Returns:
        The operator's principal id.

    Raises:
        DanganError: DG-OPS-060; DG-SEC-008, 009, 011 or 012 when the registration gives nothing at the moment;
            DG-SEC-013 when it does not carry the archive's signature.
    """
    people = people or people_rules(at.settings)
    known, _ = await believed(at, keys.principal, people)
    allowed = roles if roles is not None else known.roles if known else ()
    return prove(known, keys.signing, now=now, roles=allowed, people=people)


def prove(
    known: Principal | None,
    key: Signer,
    *,
    now: float,
    roles: Collection[str] = (ADMINISTRATOR,),
    people: People | None = None,
) -> str:
    """Sign a fresh statement with the key and verify it against the registration.

    Args:
        known: the registration under the id that the operator states, or None.
        key: the operator's signing key.
        now: UNIX seconds.
        roles: the operator must have one of these: administrators run the system, archivists arrange.
        people: what the organisation demands of people; None: what the registration itself says is looked at alone.

    Returns:
        The operator's principal id.

    Raises:
        DanganError: as :func:`verified_operator`.
    """
    nonce = secrets.token_bytes(32)
    signature = sign_statement(key, known.id if known else "", nonce)
    return verified_operator(known, key.kid, nonce, signature, now=now, roles=roles, people=people)


def may_bootstrap(everyone: Iterable[Principal]) -> bool:
    """Whether nobody was ever registered as an administrator, so that the first one needs nobody's key."""
    return not any(ADMINISTRATOR in principal.roles for principal in everyone)
