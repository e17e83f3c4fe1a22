"""The destruction certificate (销毁证明): what was destroyed, on whose word, and what proves it.

Signed as one compact JWS; the signature and :func:`contradictions` are all that a verifier needs, offline. It holds
opaque ids, times, versions and digests; no personal data. It also says what it does not prove: ``horizon`` names
each place that may still hold Vault's own storage from before, and until when; ``residuals`` the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.destruction import Application
from schemas.intake import Reference

_MODEL = ConfigDict(extra="forbid", frozen=True)
Seconds = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, StringConstraints(max_length=500)]


class Copy(BaseModel):
    """A key-page snapshot that took the place of every older one."""

    model_config = _MODEL

    place: Line
    file: Line
    sha256: Sha256
    keys: Annotated[int, Field(ge=0)]


class RootEvidence(BaseModel):
    """How a root's old versions were destroyed.

    ``before`` is the newest version under which anything forgotten was ever wrapped; ``after`` is the oldest
    that Vault still has, as read back in ``min_available``. ``lowering_refused`` is Vault's answer to the
    attempt to accept ``after - 1`` again.
    """

    model_config = _MODEL

    root: Line
    sweep: Line
    before: Version
    after: Version
    min_available: Version
    lowering_refused: Line
    trimmed_at: Seconds
    copies: tuple[Copy, ...]
    vault_copy: Line | None


class RefusedKeys(BaseModel):
    """Old wrapped page keys (SHA-256 of their text) that were shown to Vault, and its answer to each."""

    model_config = _MODEL

    root: Line
    answer: Line
    sha256: tuple[Sha256, ...]


class DestroyedRecord(BaseModel):
    """One record, and the level roots that its keys were under; all roots for one that never had a key."""

    model_config = _MODEL

    id: Reference
    forgotten_at: Seconds
    roots: Annotated[tuple[Line, ...], Field(min_length=1)]


class ApproverKey(BaseModel):
    """An approver, and the Ed25519 public key (base64url) that verifies the approval."""

    model_config = _MODEL

    id: Reference
    x: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class Horizon(BaseModel):
    """A place that may still hold Vault's own storage from before the trim; ``until`` is None if unknown."""

    model_config = _MODEL

    place: Line
    holds: Line
    until: Seconds | None


class Certificate(BaseModel):
    """The signed statement.

    ``command``, ``requester``, ``ground``, ``reason`` and ``ordered`` (all records that the command names) are what
    the ``approvals`` sign; ``approvers`` names who did, and their keys. Where there was an ``application`` it is
    signed too, and ``signed_by`` are applicant and witness; ``requester`` carried it out (DES-04 to DES-06).
    """

    model_config = _MODEL

    type: Literal["dangan-destruction-certificate-1"] = "dangan-destruction-certificate-1"
    serial: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    issued_at: Seconds
    command: Line
    requester: Line
    ground: Line
    reason: Line
    ordered: Annotated[tuple[Reference, ...], Field(min_length=1)]
    approvals: tuple[str, ...]
    approvers: tuple[ApproverKey, ...]
    application: Application | None = None
    signed_by: tuple[ApproverKey, ...] = ()
    decided_at: Seconds
    records: Annotated[tuple[DestroyedRecord, ...], Field(min_length=1)]
    roots: tuple[RootEvidence, ...]
    refused_keys: tuple[RefusedKeys, ...]
    ingest_root: Line
    ingest_keys_destroyed: tuple[Line, ...]
    #: from then on no worker's memory holds a page key of before, by the bound of its cache.
    caches_empty_at: Seconds
    horizon: tuple[Horizon, ...]
    residuals: tuple[Line, ...]


#: Seconds by which the clocks of the machines that wrote the times may differ.
CLOCK_SKEW = 300


def contradictions(certificate: Certificate) -> list[str]:
    """What in a certificate speaks against its own claim; empty when nothing does."""
    found = []
    evidence = {each.root: each for each in certificate.roots}
    if len(evidence) != len(certificate.roots):
        found.append("a root is named twice")
    if certificate.ingest_root not in evidence:
        found.append("the ingest root was not swept")
    for each in certificate.roots:
        if not each.before < each.after <= each.min_available:
            found.append(f"{each.root}: the versions before the sweep are still available")
        if not each.lowering_refused:
            found.append(f"{each.root}: Vault did not refuse to go back")
        if each.trimmed_at > certificate.issued_at + CLOCK_SKEW:
            found.append(f"{each.root}: trimmed after the certificate was issued")
    found += _record_contradictions(certificate, evidence)
    if any(keys.root not in evidence or not keys.answer for keys in certificate.refused_keys):
        found.append("an old key is listed without Vault's refusal")
    return found


def _record_contradictions(certificate: Certificate, evidence: Mapping[str, RootEvidence]) -> list[str]:
    found = []
    application = certificate.application
    if application is not None and application.quantity not in (None, len(certificate.ordered)):
        found.append("the application is for another number of records")
    for record in certificate.records:
        if record.id not in certificate.ordered:
            found.append(f"{record.id}: nobody ordered it to be destroyed")
        if record.forgotten_at < certificate.decided_at - CLOCK_SKEW:
            found.append(f"{record.id}: forgotten before that was decided")
        for root in (*record.roots, certificate.ingest_root):
            if root not in evidence:
                found.append(f"{record.id}: {root} was not swept")
            elif evidence[root].trimmed_at < record.forgotten_at - CLOCK_SKEW:
                found.append(f"{record.id}: {root} was swept before the record was forgotten")
    return found
