"""Keys of people change (clause SEC-08): a new key beside the old one for a while, or a key that counts no more.

Who rotates signs the request with the old key: no administrator need believe anybody's word for a new key, and none
needs an approval, since permissions stay as they are. Who lost the old key applies for a registration instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, Field, ValidationError

from keys.principal_keys import PrincipalKeys
from keys.signer import signed_text
from ops.audited import Desk, stored_digest
from ops.people.applications import keys_of, public_of
from ops.people.believed import believed, emptied, is_unsigned, looked_up
from ops.people.registration import new_keys, save, with_key, without_keys
from ops.public_keys import PublicKeys
from schemas.audit import Verb
from schemas.errors import DanganError
from schemas.intake import Reference
from schemas.members import STRICT
from schemas.principals import Principal, PublicKey
from schemas.rule_tables.people import People
from schemas.staff import Moment, NewKeys
from store.principals import Principals, principal_document

TYP_ROTATION: Final = "dangan-rotation+jws"
_MAX_TEXT: Final = 4096
#: A request older than so many seconds is stale.
MAX_AGE: Final = 7 * 86400
MAX_AHEAD: Final = 300
#: Old and new key hold side by side for at most so many days.
MAX_OVERLAP_DAYS: Final = 31
_ATTEMPTS: Final = 10


class KeyRotation(BaseModel):
    """What the old key signs: the new keys, and until when the old ones hold beside them (UNIX seconds)."""

    model_config = STRICT

    principal: Reference
    keys: NewKeys
    overlap_until: Moment
    at: Moment
    days: int = Field(ge=1, le=3650, default=365)


def successor(old: PrincipalKeys, *, overlap_days: int) -> PrincipalKeys:
    """New keys in the place of old ones.

    Answers are sealed to one receiving key. While both signing keys hold, it must be one that both places have: the
    old one; without an overlap it is new too.
    """
    fresh = PrincipalKeys.generate(old.principal)
    return replace(fresh, receiving=old.receiving) if overlap_days else fresh


def request(old: PrincipalKeys, new: PrincipalKeys, *, now: int, overlap_days: int, days: int = 365) -> str:
    """A request to register new keys: a compact JWS by the old signing key.

    Args:
        old: the registered keys.
        new: the principal's new keys.
        now: UNIX seconds.
        overlap_days: for how many days the old ones hold beside the new ones.
        days: for how many days the new ones hold.
    """
    said = KeyRotation(
        principal=old.principal,
        keys=keys_of(PublicKeys(new.principal, new.signing.x, new.receiving.x)),
        overlap_until=now + overlap_days * 86400,
        at=now,
        days=days,
    )
    return signed_text(old.signing, typ=TYP_ROTATION, payload=said.model_dump_json().encode())


async def rotate(desk: Desk, token: str, *, now: int, people: People | None = None) -> Principal:
    """Register the keys of a request; the old ones hold until its overlap ends.

    Args:
        desk: the administrator's.
        token: what :func:`request` made.
        now: UNIX seconds.
        people: what is demanded; by default what the installation's profile says.

    Raises:
        DanganError: DG-SEC-021 when no good key of the principal signed it; DG-OPS-037 for a key that is revoked or
            another's; DG-OPS-039 when the registration changed meanwhile; DG-SEC-013 when the registration does not
            carry the archive's signature.
    """
    principals = Principals(desk.database)
    said, kid = _read(token)
    known, version = await believed(desk, said.principal, people)
    key = known.signing_key(kid) if known is not None and known.active else None
    if known is None or key is None or not key.valid_at(now) or not _signed_by(token, key):
        raise DanganError("DG-SEC-021", field=said.principal)
    if not now - MAX_AGE <= said.at <= now + MAX_AHEAD or said.overlap_until > said.at + MAX_OVERLAP_DAYS * 86400:
        raise DanganError("DG-SEC-021", field=said.principal, detail="time")
    signing, receiving = await new_keys(principals, public_of(said.principal, said.keys), now, said.days)
    if signing.kid == kid:
        raise DanganError("DG-SEC-021", field=said.principal, detail="the key is the old one")

    def until(old: PublicKey) -> PublicKey:
        return replace(old, not_after=min(old.not_after, said.overlap_until))

    changed = replace(
        known,
        signing_keys=with_key(tuple(map(until, known.signing_keys)), signing),
        receiving_keys=with_key(tuple(map(until, known.receiving_keys)), receiving),
    )
    if not await _store(desk, changed, version, "rotate"):
        raise DanganError("DG-OPS-039", detail=known.id)
    return changed


async def revoke(
    desk: Desk, principal: str, wanted: Callable[[PublicKey], bool], *, now: int, people: People | None = None
) -> int:
    """Revoke keys of a principal: they count no more, within 5 seconds everywhere. The same again changes nothing.

    A registration without the archive's signature is not signed anew: it becomes an inactive one that gives nothing.

    Args:
        desk: of the keys' owner, or of an administrator.
        principal: whose keys.
        wanted: which of them.
        now: UNIX seconds.
        people: what is demanded; by default what the installation's profile says.

    Returns:
        How many keys were revoked.

    Raises:
        DanganError: DG-OPS-031 when there is no such principal or key; DG-OPS-039 when the registration keeps changing.
    """
    for _ in range(_ATTEMPTS):
        known, version = await looked_up(desk, principal, people)
        owned = (*known.signing_keys, *known.receiving_keys) if known else ()
        chosen = [key for key in owned if wanted(key)]
        if known is None or not chosen:
            raise DanganError("DG-OPS-031", detail=principal)
        fresh = [key for key in chosen if key.revoked_at is None]
        if not fresh and not is_unsigned(known):
            return 0
        changed = emptied(known, now) if is_unsigned(known) else without_keys(known, wanted, now)
        if await _store(desk, changed, version, "revoke"):
            return len(fresh)
    raise DanganError("DG-OPS-039", detail=principal)


async def _store(desk: Desk, changed: Principal, version: int, verb: Verb) -> bool:
    digest = stored_digest(principal_document(changed, version + 1))
    await desk.record("principal", verb=verb, record=changed.id, digest=digest)
    return await save(desk, changed, version)


def _read(token: str) -> tuple[KeyRotation, str]:
    try:
        claimed = jws.extract_compact(token[:_MAX_TEXT].encode("ascii"))
        header = claimed.headers()
        kid, typ = str(header["kid"]), header["typ"]
        said = KeyRotation.model_validate_json(claimed.payload)
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DanganError("DG-SEC-018", detail=type(error).__name__) from None
    if typ != TYP_ROTATION:
        raise DanganError("DG-SEC-018", field="typ")
    return said, kid


def _signed_by(token: str, key: PublicKey) -> bool:
    try:
        jws.deserialize_compact(
            token, OKPKey.import_key(Ed25519PublicKey.from_public_bytes(key.x)), algorithms=["Ed25519"]
        )
    except (JoseError, ValueError):
        return False
    return True
