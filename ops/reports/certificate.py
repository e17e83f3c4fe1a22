"""The destruction certificate (销毁证明) as a paper: all that the signed one states, in words, with itself inside.

The paper proves nothing by itself and says so: what proves is the compact JWS, which stands on its last pages and is
attached, and whose SHA-256 ties the paper to it. None is made of a certificate that does not verify. (DES-02, DES-05)
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from keys.certificate import RESIDUALS, certified_approvers, certified_signatories, verify_certificate
from keys.okp import thumbprint
from ops.reports.model import (
    Attachment,
    Block,
    Column,
    Fact,
    Facts,
    Figure,
    Figures,
    Level,
    Paragraph,
    Points,
    Report,
    Section,
    Signatory,
    Status,
    Table,
    Verbatim,
)
from ops.reports.words import Words, say
from schemas.certificate import Certificate, RootEvidence
from schemas.locales import DEFAULT, Locale
from schemas.trust import Trust
from schemas.working_days import CHINA

#: What a certificate says that it does not cover, in its own English; said in other languages if it is one of these.
_RESIDUALS: Final = {text: f"certificate-residual-{index + 1}" for index, text in enumerate(RESIDUALS)}
_GROUNDS: Final = frozenset({"expired", "subject_request", "business_request", "lost_value"})
#: Digests of old keys that are listed on paper; the certificate itself has them all.
_DIGESTS: Final = 200


def certificate_report(
    jws: str, trust: Trust, now: datetime, organisation: str = "", language: Locale = DEFAULT
) -> Report:
    """The paper for a certificate that verifies.

    Args:
        jws: compact JWS, at most 8 MiB.
        trust: the keys that it must be signed by.
        now: when it is verified and the paper made, with a zone.
        organisation: whose paper it is; not part of what is certified.
        language: of the paper.

    Raises:
        DanganError: DG-CER-001 to -003 when the certificate does not verify.
    """
    jws = jws.strip()
    certificate = verify_certificate(jws, trust)
    return Report(
        name=f"certificate-{certificate.serial}",
        title=say("certificate-title"),
        organisation=organisation,
        generated_at=now,
        language=language,
        sections=(
            Section(say("certificate-statement"), tuple(_statement(certificate))),
            Section(say("certificate-order"), tuple(_order(certificate))),
            Section(say("certificate-records"), tuple(_records(certificate))),
            Section(say("certificate-course"), (_course(certificate),)),
            Section(say("certificate-evidence"), tuple(_evidence(certificate))),
            Section(say("certificate-remains"), tuple(_remains(certificate))),
            Section(say("certificate-how"), tuple(_how())),
        ),
        annex=(Section(say("certificate-itself"), tuple(_itself(jws))),),
        signatures=(Signatory(say("certificate-keeper")), Signatory(say("certificate-supervisor"))),
        footnotes=(say("certificate-no-personal-data"), say("certificate-paper-only")),
        attachments=(
            Attachment(f"{certificate.serial}.jws", "application/jose", jws.encode(), say("certificate-attached")),
        ),
    )


def _statement(certificate: Certificate) -> Iterator[Block]:
    yield Paragraph(say("certificate-claim", count=len(certificate.records), serial=certificate.serial))
    yield Paragraph(say("certificate-verified"), "good")
    refused = sum(len(keys.sha256) for keys in certificate.refused_keys)
    yield Figures(
        (
            Figure(say("certificate-count-records"), len(certificate.records)),
            Figure(say("certificate-count-approvers"), len(certified_approvers(certificate)), "good"),
            Figure(say("certificate-count-roots"), len(certificate.roots), "good"),
            Figure(say("certificate-count-refused"), refused, "good"),
            Figure(say("certificate-count-horizon"), len(certificate.horizon), _horizon_level(certificate)),
        )
    )


def _horizon_level(certificate: Certificate) -> Level:
    return "attention" if certificate.horizon else "neutral"


def _order(certificate: Certificate) -> Iterator[Block]:
    known = certificate.ground in _GROUNDS
    asker = "certificate-executor" if certificate.application else "certificate-requester"
    ground: Words = say(f"certificate-ground-{certificate.ground.replace('_', '-')}") if known else certificate.ground
    yield Facts(
        (
            Fact(say("certificate-serial"), certificate.serial, "reference"),
            Fact(say("certificate-issued"), _moment(certificate.issued_at), "date"),
            Fact(say("certificate-ground"), ground),
            Fact(say("certificate-reason"), certificate.reason),
            Fact(say(asker), certificate.requester, "reference"),
            Fact(say("certificate-command"), certificate.command, "reference"),
            Fact(say("certificate-decided"), _moment(certificate.decided_at), "date"),
            Fact(say("certificate-ordered"), len(certificate.ordered), "number"),
        )
    )
    yield from _application(certificate)
    signed = certified_signatories(certificate)
    witness = certificate.application.witness if certificate.application else None
    others = {
        who.id: say("certificate-witness" if who.id == witness else "certificate-applicant") for who in signed.others
    }
    verifies = Status("good", say("certificate-approval-verifies"))
    columns = (
        Column(say("certificate-signer"), "reference"),
        Column(say("certificate-role")),
        Column(say("certificate-key-id"), "reference"),
        Column(say("certificate-approval"), "status"),
    )
    rows = [
        (who.id, others.get(who.id, say("certificate-approver")), thumbprint("Ed25519", who.x), verifies)
        for who in (*signed.approvers, *signed.others)
    ]
    yield Table.of(say("certificate-signers"), columns, rows)


def _application(certificate: Certificate) -> Iterator[Block]:
    """What the applicant asked for, where there was an application (DES-04 to DES-06)."""
    asked = certificate.application
    if asked is None:
        return
    stated = (
        Fact(say("certificate-applicant"), asked.applicant, "reference"),
        Fact(say("certificate-witness"), asked.witness, "reference"),
        Fact(say("certificate-scope"), asked.scope),
        Fact(say("certificate-quantity"), asked.quantity, "number"),
        Fact(say("certificate-method"), say("certificate-method-keys") if asked.method else None),
        Fact(say("certificate-basis"), asked.basis, "reference"),
        Fact(say("certificate-no-need"), say("certificate-stated") if asked.no_need else None),
    )
    yield Facts(tuple(fact for fact in stated if fact.value is not None))


def _records(certificate: Certificate) -> Iterator[Block]:
    columns = (
        Column(say("certificate-record"), "reference"),
        Column(say("certificate-forgotten"), "date"),
        Column(say("certificate-record-roots")),
    )
    rows = ((each.id, _moment(each.forgotten_at), ", ".join(each.roots)) for each in certificate.records)
    yield Table.of(say("certificate-records-destroyed"), columns, rows)
    destroyed = {each.id for each in certificate.records}
    others = [(record,) for record in certificate.ordered if record not in destroyed]
    if others:
        yield Table.of(say("certificate-others"), (Column(say("certificate-record"), "reference"),), others)


def _course(certificate: Certificate) -> Table:
    forgotten = [record.forgotten_at for record in certificate.records]
    course: list[tuple[int, Words]] = [
        (certificate.decided_at, say("certificate-at-decided")),
        (min(forgotten), say("certificate-at-forgotten-first")),
        (max(forgotten), say("certificate-at-forgotten-last")),
        *((each.trimmed_at, say("certificate-at-trimmed", root=each.root)) for each in certificate.roots),
        (certificate.caches_empty_at, say("certificate-at-caches")),
        (certificate.issued_at, say("certificate-at-issued")),
    ]
    rows = ((_moment(at), what) for at, what in sorted(course, key=lambda each: each[0]))
    columns = (Column(say("certificate-when"), "date"), Column(say("certificate-what")))
    return Table.of(say("certificate-course-table"), columns, rows)


def _evidence(certificate: Certificate) -> Iterator[Block]:
    yield Paragraph(say("certificate-evidence-meaning"))
    columns = (
        Column(say("certificate-root"), "reference"),
        Column(say("certificate-before"), "number"),
        Column(say("certificate-oldest"), "number"),
        Column(say("certificate-trimmed"), "date"),
        Column(say("certificate-lowering")),
    )
    rows = [
        (each.root, each.before, each.min_available, _moment(each.trimmed_at), each.lowering_refused)
        for each in certificate.roots
    ]
    yield Table.of(say("certificate-roots"), columns, rows)
    yield Table.of(
        say("certificate-copies"),
        (
            Column(say("certificate-root"), "reference"),
            Column(say("certificate-place")),
            Column(say("certificate-keys"), "number"),
            Column(say("report-sha256"), "reference"),
        ),
        chain.from_iterable(_copies(each) for each in certificate.roots),
    )
    yield Paragraph(say("certificate-refused-meaning"))
    answers = [(each.root, len(each.sha256), each.answer) for each in certificate.refused_keys]
    refused = (
        Column(say("certificate-root"), "reference"),
        Column(say("certificate-refused-count"), "number"),
        Column(say("certificate-answer")),
    )
    yield Table.of(say("certificate-refused"), refused, answers)
    digests = ((each.root, digest) for each in certificate.refused_keys for digest in each.sha256)
    listed = (Column(say("certificate-root"), "reference"), Column(say("report-sha256"), "reference"))
    yield Table.of(say("certificate-refused-digests"), listed, digests, limit=_DIGESTS)
    ingest = (Column(say("certificate-ingest-key"), "reference"),)
    destroyed = ((kid,) for kid in certificate.ingest_keys_destroyed)
    yield Table.of(say("certificate-ingest", root=certificate.ingest_root), ingest, destroyed, limit=_DIGESTS)


def _copies(root: RootEvidence) -> Iterator[tuple[Words, Words, int, Words]]:
    for copy in root.copies:
        yield root.root, f"{copy.place}: {copy.file}", copy.keys, copy.sha256


def _remains(certificate: Certificate) -> Iterator[Block]:
    yield Paragraph(say("certificate-remains-meaning"))
    columns = (
        Column(say("certificate-place")),
        Column(say("certificate-holds")),
        Column(say("certificate-until"), "date"),
    )
    unknown = Status("attention", say("certificate-until-unknown"))
    rows = (
        (each.place, each.holds, unknown if each.until is None else _moment(each.until)) for each in certificate.horizon
    )
    yield Table.of(say("certificate-horizon"), columns, rows)
    yield Paragraph(
        say(
            "certificate-memory",
            until=f"{_moment(certificate.caches_empty_at).astimezone(CHINA):%Y-%m-%d %H:%M:%S} {CHINA}",
        )
    )
    yield Points(tuple(say(_RESIDUALS[text]) if text in _RESIDUALS else text for text in certificate.residuals))


def _how() -> Iterator[Block]:
    yield Points(tuple(say(f"certificate-how-{step}") for step in range(1, 5)), numbered=True)


def _itself(jws: str) -> Iterator[Block]:
    header = json.loads(base64.urlsafe_b64decode(jws.split(".", 1)[0] + "=="))
    yield Facts(
        (
            Fact(say("certificate-signing-key"), str(header["kid"]), "reference"),
            Fact(say("certificate-algorithm"), f"JWS (RFC 7515), {header['alg']} (RFC 8037)"),
            Fact(say("report-sha256"), hashlib.sha256(jws.encode()).hexdigest(), "reference"),
            Fact(say("certificate-length"), len(jws), "number"),
        )
    )
    yield Verbatim(say("certificate-jws"), jws)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
