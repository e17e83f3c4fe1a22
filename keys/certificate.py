"""Certificates: written when nothing can read a record any more, signed by Vault, verified with a public key alone.

Before one is signed, every old wrapped page key that was seen at the forgetting is shown to Vault again; should
Vault accept a single one, or refuse it for any reason but that its version is gone, no certificate is given. Nor is
one given on the ledger's word alone, which whoever can write to the database can write: the approvals must verify, a
tombstone must stand for each record, and no live page may hold a slot that was its. A certificate covers all records
of one order that became complete by the same sweeps. Clauses DES-02 and DES-05.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from pydantic import ValidationError

from keys.approvals import Signatories, signatories_of
from keys.ledger import Approver, Entry, LedgerStore, Order, State, complete
from keys.page_keys import MAX_AGE_SECONDS
from keys.pages import root_version_of
from keys.ports import PageStore, Tombstones
from keys.roots import INGEST_ROOT
from keys.signed import sign_compact, verified_payload
from keys.sweep_state import SweepStore
from keys.vault import KeyRefused, Transit
from schemas.certificate import (
    ApproverKey,
    Certificate,
    DestroyedRecord,
    Horizon,
    RefusedKeys,
    RootEvidence,
    contradictions,
)
from schemas.errors import DanganError, Refusal, Transient
from schemas.trust import Trust

_TYP: Final = "dangan-certificate+jws"
_BATCH: Final = 5000
_MAX_RECORDS: Final = 5000
_SERIALS: Final = uuid.UUID("6ab2f0d1-3f0e-5a54-9a43-8d3c3a1a9f2e")

#: How Vault and OpenBao say that a ciphertext's version is below what the key still accepts. It is said before
#: anything is decrypted; "message authentication failed", for instance, would only say that the text is not one.
VERSION_GONE: Final = "ciphertext or signature version is disallowed by policy (too old)"
#: A key that was being unwrapped at the last moment is in memory this many seconds later at most.
IN_FLIGHT_SECONDS: Final = 30

#: What no certificate of this system can promise; stated in each.
RESIDUALS: Final = (
    "Vault's own storage and snapshots from before the trim can bring the old versions back until the dates "
    "in the horizon; whoever keeps them must delete them by then.",
    "Blind index tokens in old copies of the database can be tested for equality by whoever may use the "
    "index keys of their epoch; no value can be read back from one.",
    "A worker's memory may have held a page key or an ingest key until caches_empty_at.",
    "Somebody with decrypt rights who copied a page key out before the forgetting can read old copies; Vault's "
    "audit log shows such a decryption to whoever compares it with the archive's.",
    "Messages about the record that arrived after the forgetting were refused; Kafka holds them sealed "
    "until their ingest key is destroyed in its turn.",
    "Answers released to readers before the forgetting are out of the archive's reach.",
)


class CertificateStore(Protocol):
    """Where certificates are kept."""

    async def put(self, serial: str, jws: str, records: Sequence[str]) -> str:
        """Keep a certificate unless one of that serial is there; the one that is there now."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Writes certificates for what is complete.

    Attributes:
        transit: may rewrap under the swept roots and sign with ``dangan-certificates``.
        tombstones: says which records stand as destroyed.
        pages: the live key pages.
        clock: UNIX seconds.
        horizon: the places that may still hold Vault's storage of before.
    """

    transit: Transit
    ledger: LedgerStore
    states: SweepStore
    certificates: CertificateStore
    tombstones: Tombstones
    pages: PageStore
    clock: Callable[[], int]
    horizon: tuple[Horizon, ...] = ()

    async def issue(self) -> dict[str, str]:
        """Certify every record whose roots are all swept since it was forgotten. Repeatable.

        Returns:
            Serial -> certificate (compact JWS).

        Raises:
            DanganError: once the others are certified, for the first that cannot be: DG-SWP-012 when its entry does
                not agree with the archive or its approvals do not verify, DG-SWP-006 when Vault still has
                an old key's version, DG-SWP-013 when it refuses one for a reason that proves nothing, DG-CER-003.
        """
        issued: dict[str, str] = {}
        refused: list[DanganError] = []
        for group in _groups(await self._complete()):
            try:
                serial, jws = await self._issue(group)
            except Transient:
                raise
            except DanganError as error:  # one bad entry must not keep the certificates of all others back
                refused.append(error)
            else:
                issued[serial] = jws
        if refused:
            raise refused[0]
        return issued

    async def _issue(self, group: Sequence[Entry]) -> tuple[str, str]:
        await self._check(group)
        certificate = await self._certificate(group)
        found = contradictions(certificate)
        if found:
            raise DanganError("DG-CER-003", detail=found[0])
        records = [entry.record for entry in group]
        jws = await sign_certificate(self.transit, certificate)
        kept = await self.certificates.put(certificate.serial, jws, records)
        await self.ledger.certified(records, certificate.serial, group[0].swept)
        return certificate.serial, kept

    async def _check(self, group: Sequence[Entry]) -> None:
        """Hold the entries against what they cannot make up."""
        try:
            signatories_of(group[0].order)
        except Refusal as refusal:
            raise DanganError("DG-SWP-012", detail=f"{group[0].record}: approvals: {refusal.code}") from None
        standing = await self.tombstones.standing([entry.record for entry in group])
        live = await self.pages.get({old.page for entry in group for old in entry.traces.old_keys})
        for entry in group:
            if entry.record not in entry.order.records:
                raise DanganError("DG-SWP-012", detail=f"{entry.record}: not among the ordered")
            if not entry.traces.roots:
                raise DanganError("DG-SWP-012", detail=f"{entry.record}: no roots")
            if entry.record not in standing:
                raise DanganError("DG-SWP-012", detail=f"{entry.record}: no tombstone")
            if any(old.page in live and old.slot in live[old.page].slots for old in entry.traces.old_keys):
                raise DanganError("DG-SWP-012", detail=f"{entry.record}: a live page holds its slot")

    async def _complete(self) -> list[Entry]:
        found: list[Entry] = []
        orders: dict[Order, Order] = {}  # the entries of an order share one: it names up to 256 records
        after = ""
        while entries := await self.ledger.in_state(State.FORGOTTEN, after=after, limit=_BATCH):
            whole = (entry for entry in entries if complete(entry))
            found += [replace(entry, order=orders.setdefault(entry.order, entry.order)) for entry in whole]
            after = entries[-1].record
        return found

    async def _certificate(self, group: Sequence[Entry]) -> Certificate:
        order, now = group[0].order, self.clock()
        sweeps = sorted(set(group[0].swept.values()))
        evidence = await self.states.evidence(sweeps)
        records = tuple(
            DestroyedRecord(
                id=entry.record, forgotten_at=entry.forgotten_at or 0, roots=tuple(sorted(entry.traces.roots))
            )
            for entry in group
        )
        return Certificate(
            serial=str(uuid.uuid5(_SERIALS, "|".join((order.command, *sweeps, *(record.id for record in records))))),
            issued_at=now,
            command=order.command,
            requester=order.requester,
            ground=order.ground,
            reason=order.reason,
            ordered=order.records,
            approvals=order.approvals,
            approvers=_public(order.approvers),
            application=order.application,
            signed_by=_public(order.others),
            decided_at=order.at,
            records=records,
            roots=tuple(sorted(evidence.values(), key=lambda each: each.root)),
            refused_keys=await self._refused_keys(group, {each.root: each for each in evidence.values()}),
            ingest_root=INGEST_ROOT,
            ingest_keys_destroyed=tuple(sorted(frozenset().union(*(e.traces.ingest_kids for e in group)))),
            caches_empty_at=_caches_empty_at(records, evidence.values()),
            horizon=self.horizon,
            residuals=RESIDUALS,
        )

    async def _refused_keys(
        self, group: Sequence[Entry], evidence: Mapping[str, RootEvidence]
    ) -> tuple[RefusedKeys, ...]:
        """Show every old wrapped key to Vault, by rewrap, which would reveal no key even if it worked."""
        by_root: dict[str, set[str]] = defaultdict(set)
        for entry in group:
            for old in entry.traces.old_keys:
                by_root[old.root].add(old.wrapped_key)
        return tuple(
            [await self._refused_by(root, sorted(texts), evidence.get(root)) for root, texts in sorted(by_root.items())]
        )

    async def _refused_by(self, root: str, texts: Sequence[str], evidence: RootEvidence | None) -> RefusedKeys:
        gone_below = (await self.transit.key_info(root)).min_available_version
        destroyed = min(gone_below - 1, evidence.before) if evidence else 0
        if any(_version(text) > destroyed for text in texts):
            raise DanganError("DG-SWP-006", detail=root)
        for result in await self.transit.rewrap(root, texts):
            if not isinstance(result, KeyRefused):
                raise DanganError("DG-SWP-006", detail=root)
            if result.reason != VERSION_GONE:
                raise DanganError("DG-SWP-013", detail=f"{root}: {result.reason}")
        digests = tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)
        return RefusedKeys(root=root, answer=VERSION_GONE, sha256=digests)


def _version(wrapped_key: str) -> int:
    try:
        return root_version_of(wrapped_key)
    except (ValueError, IndexError):
        raise DanganError("DG-SWP-012", detail="an old key that Vault never made") from None


def _caches_empty_at(records: Iterable[DestroyedRecord], evidence: Iterable[RootEvidence]) -> int:
    """When no worker's memory holds a key any more: page keys cease at the forgetting, ingest keys at their sweep."""
    ceased = [record.forgotten_at for record in records] + [e.trimmed_at for e in evidence if e.root == INGEST_ROOT]
    return max(ceased) + int(MAX_AGE_SECONDS) + IN_FLIGHT_SECONDS


def _public(approvers: Sequence[Approver]) -> tuple[ApproverKey, ...]:
    return tuple(ApproverKey(id=who.id, x=base64.urlsafe_b64encode(who.x).rstrip(b"=").decode()) for who in approvers)


def _signers(approvers: Sequence[ApproverKey]) -> tuple[Approver, ...]:
    return tuple(Approver(who.id, base64.urlsafe_b64decode(who.x + "=")) for who in approvers)


def certified_signatories(certificate: Certificate) -> Signatories:
    """Who signed what a certificate states, by the approvals and keys in it. Offline.

    Raises:
        DanganError: DG-CER-003 when the approvals are not those of two people, neither of them the requester.
    """
    order = Order(
        certificate.command,
        certificate.requester,
        certificate.ground,
        certificate.approvals,
        certificate.decided_at,
        certificate.reason,
        certificate.ordered,
        _signers(certificate.approvers),
        certificate.application,
        _signers(certificate.signed_by),
    )
    try:
        return signatories_of(order)
    except Refusal as refusal:
        raise DanganError("DG-CER-003", detail=f"approvals: {refusal.code}") from None


def certified_approvers(certificate: Certificate) -> tuple[Approver, ...]:
    """Who approved it, as :func:`certified_signatories` finds out."""
    return certified_signatories(certificate).approvers


def _groups(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Entries of one order and the same sweeps belong in one certificate, up to 5,000."""
    groups: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda each: each.record):
        groups[entry.order, tuple(sorted(entry.swept.items()))].append(entry)
    for group in groups.values():
        for start in range(0, len(group), _MAX_RECORDS):
            yield group[start : start + _MAX_RECORDS]


async def sign_certificate(transit: Transit, certificate: Certificate) -> str:
    """The certificate as one compact JWS (RFC 7515), signed in Vault with ``dangan-certificates``."""
    return await sign_compact(transit, _TYP, certificate.model_dump_json().encode())


def verify_certificate(jws: str, trust: Trust) -> Certificate:
    """The certificate, if it is one, is signed by a trusted key, and does not contradict itself. Offline.

    Args:
        jws: compact JWS, at most 8 MiB.
        trust: the pinned keys; only those for certificates count.

    Raises:
        DanganError: DG-CER-001 (not a certificate), -002 (not a trusted signature), -003 (contradicts itself).
    """
    payload = verified_payload(jws, _TYP, trust)
    try:
        certificate = Certificate.model_validate_json(payload)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DanganError("DG-CER-001", detail=where) from None
    found = contradictions(certificate)
    if found:
        raise DanganError("DG-CER-003", detail="; ".join(found[:3]))
    certified_signatories(certificate)
    return certificate
