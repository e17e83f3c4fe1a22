"""Whether a collection is lawful by the rule book: notice, consent, channel, form, approvals (COL-01 to 16, ARR-01).

Pure: it looks at the command, at what the organisation set, and at the approvals that the worker has verified. The
first rule that is broken refuses the command and names the member that is missing or wrong. What concerns consent and
notice stands in consumers/lawful_consent.py, what concerns the form and its items in consumers/forms.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from consumers import forms, lawful_consent
from consumers.collection_approvals import Wanted, check_covered
from consumers.received import Received
from consumers.rules import Rules
from schemas.collection_approval import Approved
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.intake import Consent, Intake
from schemas.levels import Level
from schemas.moments import AHEAD_MS, unix_ms
from schemas.references import looks_personal

_NONE: Final[Mapping[str, Approved]] = MappingProxyType({})
_NOTHING_SAID: Final = Intake()


def check(received: Received[Collect], level: Level, rules: Rules, approvals: Mapping[str, Approved] = _NONE) -> None:
    """Check the circumstances of a collection.

    Args:
        received: the command, whose purpose and fields are known to be good.
        level: the highest level among the fields.
        rules: what the organisation set.
        approvals: the verified approvals of core-sensitive collection, by reference.

    Raises:
        Refusal: DG-COL-007, or one of DG-COL-010 to 027 for the first rule that is broken.
    """
    command = received.command
    intake = command.intake
    if (
        intake is None
        and command.consent is None
        and command.legal_basis in rules.exempt
        and rules.catalogue.recordings.isdisjoint(command.fields)
    ):
        return
    if any(looks_personal(each) for each in _references(intake, command.consent) if each is not None):
        raise Refusal("DG-COL-007")
    said = intake or _NOTHING_SAID
    _use(command.purpose, said, rules)
    form = forms.form_of(command, said, rules)
    lawful_consent.check(received, said, level, rules)
    _channel(said, rules)
    _third_party(said, rules)
    forms.item(command, said, form, rules)
    _time(said, received.at_ms, rules)
    if rules.book.collection.collector_required and said.collector is None:
        raise Refusal("DG-COL-023", field="intake.collector")
    if level is Level.CORE and rules.book.collection.core_approval_required:
        _core(received, said, rules, approvals)


def _references(intake: Intake | None, consent: Consent | None) -> Iterator[str | None]:
    """Every reference and name in what is said of the collection: documents keep them in clear."""
    if consent is not None:
        yield from (consent.reference, consent.document)
    if intake is None:
        return
    yield from (intake.approval, intake.collector, intake.matter, intake.paper, intake.custodian)
    if intake.notice is not None:
        yield intake.notice.reference
    if intake.source is not None:
        yield from (intake.source.party, intake.source.authorisation)
    if intake.identity_check is not None:
        yield intake.identity_check.checker
    if intake.assessment is not None:
        yield from (intake.assessment.assessor, intake.assessment.identity_class)
    if intake.recording is not None:
        yield from (intake.recording.operator, intake.recording.method)
    yield from (intake.use, intake.channel, intake.exemption, intake.item)
    if intake.household is not None:
        yield from (intake.household.building, intake.household.unit)
    if (customer := intake.customer) is not None:
        yield from (customer.business_type, customer.segment, customer.special, customer.importance)


def _use(purpose: str, said: Intake, rules: Rules) -> None:
    """COL-01: purpose and intended use (收集目的)."""
    uses = rules.catalogue.purposes[purpose].uses or (purpose,)
    if said.use is None:
        if rules.book.collection.use_required:
            raise Refusal("DG-COL-010", field="intake.use", detail=f"expected one of {', '.join(uses)}")
    elif said.use not in uses:
        raise Refusal("DG-COL-010", field="intake.use", detail=f"expected one of {', '.join(uses)}")


def _channel(said: Intake, rules: Rules) -> None:
    """COL-05: a channel (收集渠道) of the lawful list."""
    book = rules.book.collection
    if (said.channel is None and book.channel_required) or (
        said.channel is not None and said.channel not in book.channels
    ):
        raise Refusal("DG-COL-014", field="intake.channel", detail=f"expected one of {', '.join(book.channels)}")


def _third_party(said: Intake, rules: Rules) -> None:
    """COL-06: a source that is not the customer is authorised by the customer (经客户授权的第三方)."""
    book = rules.book.collection
    from_others = said.source is not None or said.channel in book.third_party_channels
    if not from_others or not book.third_party_authorisation:
        return
    if said.source is None:
        raise Refusal("DG-COL-015", field="intake.source")
    if said.source.authorisation is None:
        raise Refusal("DG-COL-015", field="intake.source.authorisation")


def _time(said: Intake, at_ms: int, rules: Rules) -> None:
    """COL-16: the time of the event is kept beside that of the entry, which is the broker's."""
    if said.happened_at is None:
        if rules.book.collection.event_time_required:
            raise Refusal("DG-COL-022", field="intake.happened_at")
        return
    try:
        ahead = unix_ms(said.happened_at) > at_ms + AHEAD_MS
    except ValueError:
        raise Refusal("DG-COL-022", field="intake.happened_at", detail="no such time") from None
    if ahead:
        raise Refusal("DG-COL-022", field="intake.happened_at", detail="in the future")


def _core(received: Received[Collect], said: Intake, rules: Rules, approvals: Mapping[str, Approved]) -> None:
    """COL-13: core-sensitive fields (核心敏感资料) need an approval of their own, given by somebody else."""
    command, fields = received.command, rules.catalogue.fields
    wanted = Wanted(
        names=frozenset(name for name in command.fields if fields[name].level is Level.CORE),
        purpose=command.purpose,
        form=said.form,
        by=frozenset({received.sender.id, said.collector}),
        at_ms=received.at_ms,
    )
    check_covered(wanted, said.approval, approvals, place="intake.approval")
