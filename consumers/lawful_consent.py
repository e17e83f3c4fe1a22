"""Whether the customer was told and consented before the collection (收集告知, 明示同意: clauses COL-03, COL-04)."""

from __future__ import annotations

from consumers.received import Received
from consumers.rules import Rules
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.intake import Consent, Intake, Notice
from schemas.levels import Level
from schemas.moments import AHEAD_MS, unix_ms
from schemas.notices import NoticeText
from schemas.rulebook import RuleBook


def check(received: Received[Collect], said: Intake, level: Level, rules: Rules) -> None:
    """Check notice and consent.

    Raises:
        Refusal: DG-COL-011, 012, 013, 025 or 026.
    """
    notice = _notice(received, said.notice, rules)
    consent = received.command.consent
    if said.exemption is not None and said.exemption not in rules.book.consent.legal_exemptions:
        raise Refusal("DG-COL-025", field="intake.exemption")
    if consent is None:
        if needed(received.command.legal_basis, said, rules.book):
            raise Refusal("DG-COL-012", field="consent")
        return
    _in_time(received.at_ms, consent, said.notice)
    if not needed(received.command.legal_basis, said, rules.book):
        return
    _evidence(consent, level, rules.book)
    if notice is None:
        return
    if not notice.covers_consent_to(consent.text_sha256):
        raise Refusal("DG-COL-026", field="consent.text_sha256")
    told = consent.retention_months
    if told is not None and notice.retention_months is not None and told != notice.retention_months:
        raise Refusal("DG-COL-026", field="consent.retention_months", detail="not the period of the notice")


def needed(legal_basis: str, said: Intake, book: RuleBook) -> bool:
    """Whether the collection is lawful only with the customer's consent: no listed exemption holds (COL-04).

    Whoever gives consent as the legal basis needs it; an exemption may be that basis, or be claimed in so many words.
    """
    if legal_basis == "consent":
        return True
    if book.consent.required_for == "volunteered" and said.channel != "volunteered":
        return False
    return legal_basis not in book.consent.legal_exemptions and said.exemption not in book.consent.legal_exemptions


def _notice(received: Received[Collect], given: Notice | None, rules: Rules) -> NoticeText | None:
    """COL-03: a registered notice for this purpose, with all elements, given before the collection."""
    if given is None:
        if rules.book.collection.notice_required:
            raise Refusal("DG-COL-011", field="intake.notice")
        return None
    notice = rules.notices.get(given.reference)
    if notice is None:
        raise Refusal("DG-COL-011", field="intake.notice.reference", detail="not registered")
    if received.command.purpose not in notice.purposes:
        raise Refusal("DG-COL-011", field="intake.notice.reference", detail="made for other purposes")
    if lacking := notice.lacks(rules.book.collection.notice_elements):
        raise Refusal("DG-COL-011", field="intake.notice.reference", detail=f"silent about {', '.join(lacking)}")
    if _ms(given.given_at, "intake.notice.given_at") > received.at_ms + AHEAD_MS:
        raise Refusal("DG-COL-011", field="intake.notice.given_at", detail="after the collection")
    return notice


def _in_time(at_ms: int, consent: Consent, notice: Notice | None) -> None:
    """First the notice, then the consent, then the collection, which is at the latest when Kafka has it."""
    given = _ms(consent.given_at, "consent.given_at")
    if given > at_ms + AHEAD_MS:
        raise Refusal("DG-COL-013", field="consent.given_at", detail="after the collection")
    if notice is not None and _ms(notice.given_at, "intake.notice.given_at") > given:
        raise Refusal("DG-COL-013", field="consent.given_at", detail="before the notice")


def _evidence(consent: Consent, level: Level, book: RuleBook) -> None:
    """COL-04: who consented, how, to what period, explicitly, and where the paper is (客户授权书)."""
    if not consent.explicit and (level is not Level.BASIC or book.consent.explicit_for == "all"):
        raise Refusal("DG-COL-012", field="consent.explicit")
    for member in book.consent.evidence:
        if getattr(consent, member) is None:
            raise Refusal("DG-COL-012", field=f"consent.{member}")
    if book.consent.document_required and consent.document is None:
        raise Refusal("DG-COL-012", field="consent.document")


def _ms(text: str, field: str) -> int:
    """An RFC 3339 time as UNIX milliseconds.

    Raises:
        Refusal: DG-COL-013 when there is no such time, as the 30th of February.
    """
    try:
        return unix_ms(text)
    except ValueError:
        raise Refusal("DG-COL-013", field=field, detail="no such time") from None
