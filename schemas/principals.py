"""Principals (people and systems) and the grants they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.levels import Level
from schemas.locales import DEFAULT, Locale


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A principal's registered public key.

    ``kid`` is the RFC 7638 thumbprint; ``x`` the raw 32 bytes (Ed25519 for signing, X25519 for
    receiving); times are UNIX seconds; ``revoked_at`` is None while the key is good.
    """

    kid: str
    x: bytes
    not_before: int
    not_after: int
    revoked_at: int | None = None

    def valid_at(self, now: float) -> bool:
        """Whether the key may be used at ``now`` (UNIX seconds)."""
        revoked = self.revoked_at is not None and now >= self.revoked_at
        return self.not_before <= now < self.not_after and not revoked


@dataclass(frozen=True, slots=True)
class Principal:
    """A registered person or system. Its id is an opaque reference, never a person's name.

    ``locale`` is the language of the sentences that it is answered with. ``scope`` are pairs of attribute and value
    that records must have, where a policy asks for it: ``("building", "b-07")``. ``agreement_until`` is when its
    confidentiality agreement ends (clause SEC-09), ``lapses_at`` when its permissions do unless a review renews them
    (SEC-05); both UNIX seconds. ``agreement`` is the agreement's reference. ``barred`` is the code of why the
    registration gives nothing at the moment: who looks principals up works it out (consumers/standing.py), and it is
    never stored.
    """

    id: str
    kind: Literal["system", "person"]
    roles: frozenset[str]
    department: str
    clearance: Level
    signing_keys: tuple[PublicKey, ...]
    receiving_keys: tuple[PublicKey, ...]
    active: bool = True
    locale: Locale = DEFAULT
    scope: frozenset[tuple[str, str]] = frozenset()
    agreement: str | None = None
    agreement_until: int | None = None
    lapses_at: int | None = None
    barred: str | None = None

    def signing_key(self, kid: str) -> PublicKey | None:
        """The registered signing key with that id, valid or not."""
        return next((key for key in self.signing_keys if key.kid == kid), None)

    def receiving_key(self, now: float) -> PublicKey | None:
        """The newest receiving key that is valid at ``now``."""
        good = [key for key in self.receiving_keys if key.valid_at(now)]
        return max(good, key=lambda key: key.not_before, default=None)


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease to read: who, which records and fields, for what, from when to when (UNIX seconds).

    ``records`` holds record ids, or ``*`` for all that the policies allow. ``clear`` names the fields
    answered unmasked. ``history`` lets earlier and proposed versions be read too (UPD-04). A recalled grant has
    ``recalled_at``, one given back after use ``returned_at`` (USE-11). ``application`` is the command id of the
    application it was granted on; ``selection`` are attributes that the records must have (``*`` and a selection: all
    that have them); ``copying`` allows copies and exports (USE-13); an ``emergency`` grant is signed afterwards;
    ``product`` is what a marketing use offers, which limits whose records it covers (USE-17). ``signature`` is the
    archive's over what the grant gives (keys/stored_signatures.py); ``barred`` is an error code where it gives nothing.
    """

    id: str
    principal: str
    records: frozenset[str]
    fields: frozenset[str]
    clear: frozenset[str]
    purpose: str
    not_before: int
    not_after: int
    recalled_at: int | None = None
    history: bool = False
    returned_at: int | None = None
    application: str | None = None
    selection: frozenset[tuple[str, str]] = frozenset()
    copying: bool = False
    emergency: bool = False
    product: str | None = None
    signature: str | None = None
    barred: str | None = None
