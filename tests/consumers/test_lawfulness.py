"""Lawful collection: what the strictest rule book demands, member by member; what profiles relax; nothing told twice."""

from __future__ import annotations

import dataclasses
import json
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from consumers.collect import decide, refuse
from consumers.rules import Rules
from schemas.audit import event_id, ocsf
from schemas.errors import Refusal
from schemas.intake import Intake, Name, Reference
from schemas.levels import Level
from schemas.rulebook import RuleBook
from tests.consumers.lawful import AFTER, APPROVED, CRM, EARLIER, FIELDS, STRICT, decided, lawful, refusal_of
from tests.consumers.samples import NOW, RULES, collect, principal, received

#: As strict as it gets, but for consent: a contract exempts from it.
WITH_EXEMPTION = dataclasses.replace(
    STRICT, book=RuleBook.from_mappings({"consent": {"legal_exemptions": ["contract", "public_register"]}})
)


def relaxed(**tables: dict[str, Any]) -> Rules:
    """The strictest rules with settings of some tables replaced."""
    return dataclasses.replace(STRICT, book=RuleBook.from_mappings(tables))


def test_a_collection_with_all_that_is_demanded_is_lawful() -> None:
    draft = decided(lawful())
    assert draft.level is Level.CORE
    assert draft.rests_on_consent


#: What is left out, the code, the field that the answer names.
MISSING = [
    pytest.param("intake", "DG-COL-010", "intake.use", marks=pytest.mark.clause("COL-01")),
    pytest.param("intake.use", "DG-COL-010", "intake.use", marks=pytest.mark.clause("COL-01")),
    pytest.param("intake.notice", "DG-COL-011", "intake.notice", marks=pytest.mark.clause("COL-03")),
    pytest.param("consent", "DG-COL-012", "consent", marks=pytest.mark.clause("COL-04")),
    pytest.param("consent.explicit", "DG-COL-012", "consent.explicit", marks=pytest.mark.clause("COL-04")),
    pytest.param("consent.given_by", "DG-COL-012", "consent.given_by", marks=pytest.mark.clause("COL-04")),
    pytest.param("consent.manner", "DG-COL-012", "consent.manner", marks=pytest.mark.clause("COL-04")),
    pytest.param("consent.document", "DG-COL-012", "consent.document", marks=pytest.mark.clause("COL-04")),
    pytest.param(
        "consent.retention_months", "DG-COL-012", "consent.retention_months", marks=pytest.mark.clause("COL-04")
    ),
    pytest.param("intake.channel", "DG-COL-014", "intake.channel", marks=pytest.mark.clause("COL-05")),
    pytest.param("intake.form", "DG-COL-016", "intake.form", marks=pytest.mark.clause("COL-08")),
    pytest.param("intake.approval", "DG-COL-019", "intake.approval", marks=pytest.mark.clause("COL-13")),
    pytest.param("intake.happened_at", "DG-COL-022", "intake.happened_at", marks=pytest.mark.clause("COL-16")),
    pytest.param("intake.collector", "DG-COL-023", "intake.collector", marks=pytest.mark.clause("COL-01")),
]


@pytest.mark.parametrize(("member", "code", "field"), MISSING)
def test_what_is_missing_is_refused_and_named(member: str, code: str, field: str) -> None:
    assert refusal_of(lawful(member)) == (code, field)


@pytest.mark.clause("COL-01")
def test_a_use_of_another_purpose_is_refused() -> None:
    assert refusal_of(lawful(intake={"use": "offers"})) == ("DG-COL-010", "intake.use")


@pytest.mark.clause("COL-03")
@pytest.mark.parametrize(
    ("notice", "field"),
    [
        ({"reference": "never-registered", "given_at": EARLIER}, "intake.notice.reference"),
        ({"reference": "marketing-1", "given_at": EARLIER}, "intake.notice.reference"),
        ({"reference": "account-service-1", "given_at": AFTER}, "intake.notice.given_at"),
    ],
)
def test_a_notice_is_registered_for_the_purpose_and_given_before(notice: dict[str, str], field: str) -> None:
    assert refusal_of(lawful(intake={"notice": notice})) == ("DG-COL-011", field)


@pytest.mark.clause("COL-03")
@pytest.mark.parametrize("element", ["purpose", "scope", "manner", "retention"])
def test_a_notice_that_is_silent_about_an_element_is_none_unless_the_setting_says_so(element: str) -> None:
    silent = STRICT.notices["account-service-1"].model_copy(update={element: None})
    rules = dataclasses.replace(STRICT, notices={"account-service-1": silent})
    assert refusal_of(lawful(), rules) == ("DG-COL-011", "intake.notice.reference")
    others = [name for name in ("purpose", "scope", "manner", "retention") if name != element]
    decided(
        lawful(), dataclasses.replace(rules, book=RuleBook.from_mappings({"collection": {"notice_elements": others}}))
    )


@pytest.mark.clause("COL-04")
@pytest.mark.parametrize(
    ("consent", "code", "field"),
    [
        ({"given_at": AFTER}, "DG-COL-013", "consent.given_at"),
        ({"given_at": "2027-01-15T05:59:59Z"}, "DG-COL-013", "consent.given_at"),  # before its notice
        ({"given_at": "2027-02-30T05:59:59Z"}, "DG-COL-013", "consent.given_at"),  # never
        ({"text_sha256": "0" * 64}, "DG-COL-026", "consent.text_sha256"),
        ({"retention_months": 120}, "DG-COL-026", "consent.retention_months"),
    ],
)
def test_consent_is_given_to_the_notice_and_before_the_collection(
    consent: dict[str, Any], code: str, field: str
) -> None:
    assert refusal_of(lawful(consent=consent)) == (code, field)


@pytest.mark.clause("COL-04")
def test_without_consent_only_a_listed_exemption_will_do() -> None:
    assert refusal_of(lawful(consent=None, legal_basis="contract")) == ("DG-COL-012", "consent")
    decided(lawful(consent=None, legal_basis="contract"), WITH_EXEMPTION)
    claimed = {"exemption": "public_register"}
    decided(lawful(consent=None, legal_basis="public_duty", intake=claimed), WITH_EXEMPTION)
    assert refusal_of(lawful(consent=None, legal_basis="public_duty"), WITH_EXEMPTION)[0] == "DG-COL-012"
    assert refusal_of(lawful(consent=None, intake={"exemption": "habit"}), WITH_EXEMPTION) == (
        "DG-COL-025",
        "intake.exemption",
    )
    # who gives consent as the basis cannot do without it
    assert refusal_of(lawful(consent=None, intake=claimed), WITH_EXEMPTION)[0] == "DG-COL-012"


@pytest.mark.clause("COL-04")
def test_consent_may_be_asked_for_volunteered_information_only() -> None:
    rules = relaxed(consent={"required_for": "volunteered"})
    decided(lawful(consent=None, legal_basis="contract"), rules)
    volunteered = {"channel": "volunteered"}
    assert refusal_of(lawful(consent=None, legal_basis="contract", intake=volunteered), rules)[0] == "DG-COL-012"


@pytest.mark.clause("COL-04")
def test_sensitive_fields_need_explicit_consent_in_every_profile() -> None:
    consent = {"reference": "c-1", "text_sha256": "0" * 64, "given_at": EARLIER}
    parts: dict[str, Any] = {"legal_basis": "consent", "consent": consent}
    decided(collect(**parts, fields={"city": "Suzhou"}), RULES)
    sensitive = collect(**parts, fields={"address": "Suzhou"})
    assert refusal_of(sensitive, RULES) == ("DG-COL-012", "consent.explicit")
    assert refusal_of(collect(legal_basis="consent"), RULES) == ("DG-COL-012", "consent")


@pytest.mark.clause("COL-05")
def test_an_unlisted_channel_is_refused() -> None:
    assert refusal_of(lawful(intake={"channel": "bought_list"})) == ("DG-COL-014", "intake.channel")
    decided(lawful(intake={"channel": "bought_list"}), relaxed(collection={"channels": ["bought_list"]}))


@pytest.mark.clause("COL-06")
@pytest.mark.parametrize("channel", ["partner", "third_party"])
def test_a_third_party_is_authorised_by_the_customer_or_refused(channel: str) -> None:
    party = {"party": "sys:partner-7"}
    assert refusal_of(lawful(intake={"channel": channel})) == ("DG-COL-015", "intake.source")
    assert refusal_of(lawful(intake={"channel": channel, "source": party}))[1] == "intake.source.authorisation"
    assert refusal_of(lawful(intake={"source": party}))[1] == "intake.source.authorisation"
    decided(lawful(intake={"channel": channel, "source": {**party, "authorisation": "scan-78"}}))
    decided(lawful(intake={"channel": channel}), relaxed(collection={"third_party_authorisation": False}))


@pytest.mark.clause("COL-08")
def test_all_missing_mandatory_fields_are_told_in_one_refusal() -> None:
    with pytest.raises(Refusal) as refused:
        decided(lawful(fields={"name": "张三"}))
    assert refused.value.code == "DG-COL-017"
    assert refused.value.detail == "id_number, phone, city"


@pytest.mark.clause("COL-08", "ARR-09")
def test_a_field_that_the_form_does_not_have_is_refused_until_a_later_version_adds_it() -> None:
    more = {**FIELDS, "occupation": "teacher"}
    first = dataclasses.replace(APPROVED, document=APPROVED.document.model_copy(update={"form": "retail@1"}))
    assert refusal_of(lawful(intake={"form": "retail@1"}, fields=more), approved=first) == ("DG-COL-018", "occupation")
    decided(lawful(fields=more))
    decided(lawful(intake={"form": "retail@1"}), approved=first)  # the earlier version stays what it was


@pytest.mark.clause("COL-08")
@pytest.mark.parametrize("form", ["retail@9", "unknown@1", "prospect@1"])
def test_an_unregistered_form_or_one_for_another_purpose_is_refused(form: str) -> None:
    assert refusal_of(lawful(intake={"form": form})) == ("DG-COL-016", "intake.form")


@pytest.mark.clause("COL-13")
@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "marketing"},
        {"form": "retail@1"},
        {"fields": frozenset({"account_number"})},
        {"not_before": NOW + 1},
        {"not_after": NOW},
        {"id": "another"},
    ],
)
def test_an_approval_covers_purpose_form_fields_and_time(change: dict[str, Any]) -> None:
    other = dataclasses.replace(APPROVED, document=APPROVED.document.model_copy(update=change))
    assert refusal_of(lawful(), approved=other) == ("DG-COL-019", "intake.approval")


@pytest.mark.clause("COL-13")
def test_nobody_approves_his_own_collection_and_basic_fields_need_no_approval() -> None:
    for who in ("sys:crm", "person:teller-4"):
        assert refusal_of(lawful(), approved=dataclasses.replace(APPROVED, approver=who))[0] == "DG-COL-019"
    assert refusal_of(lawful(), approved=None)[0] == "DG-COL-019"
    marketing = {
        "form": "prospect@1",
        "use": "offers",
        "notice": {"reference": "marketing-1", "given_at": EARLIER},
    }
    told = {"text_sha256": STRICT.notices["marketing-1"].sha256, "retention_months": 24}
    command = lawful("intake.approval", intake=marketing, consent=told, purpose="marketing", fields={"name": "张三"})
    decided(command, approved=None)


def business(item: str | None, fields: dict[str, Any], **intake: Any) -> Any:
    """An item of business of the trial profile, which says little else."""
    said = {"item": item, **intake} if item else intake
    return collect(purpose="business_records", fields=fields, intake=said)


VOUCHER = {"customer_number": "K-1", "business_content": "deposit", "handled_at": EARLIER}
TRADE = {
    "customer_number": "K-1",
    "traded_subject": "bond 22",
    "traded_price": "10.5",
    "traded_quantity": "3",
    "traded_at": EARLIER,
}


@pytest.mark.clause("COL-15")
@pytest.mark.parametrize(
    ("item", "fields", "without"),
    [("voucher", VOUCHER, name) for name in VOUCHER] + [("trade_record", TRADE, name) for name in TRADE],
)
def test_vouchers_and_trades_have_their_least_content(item: str, fields: dict[str, str], without: str) -> None:
    decided(business(item, fields), RULES)
    assert refusal_of(business(item, {k: v for k, v in fields.items() if k != without}), RULES) == (
        "DG-COL-021",
        without,
    )


@pytest.mark.clause("COL-15")
def test_a_trade_has_a_price_or_an_amount_and_all_that_lacks_is_told_at_once() -> None:
    amount = {**TRADE, "traded_amount": "31.5"}
    del amount["traded_price"]
    decided(business("trade_record", amount), RULES)
    with pytest.raises(Refusal) as refused:
        decided(business("trade_record", {"traded_at": EARLIER}), RULES)
    assert refused.value.detail == "customer_number, traded_subject, traded_price or traded_amount, traded_quantity"


@pytest.mark.clause("COL-14")
@pytest.mark.parametrize(
    ("recording", "field"),
    [
        (None, "intake.recording"),
        ({"desensitised": False, "method": "beep", "operator": "person:o-1"}, "intake.recording"),
        ({"desensitised": True, "operator": "person:o-1"}, "intake.recording.method"),
        ({"desensitised": True, "method": "beep"}, "intake.recording.operator"),
    ],
)
@pytest.mark.parametrize("item", [None, "recording"])
def test_a_raw_recording_is_refused_whatever_it_is_called(
    recording: dict[str, Any] | None, field: str, item: str | None
) -> None:
    said = {name: value for name, value in (("item", item), ("recording", recording)) if value is not None}
    command = collect(fields={"call_transcript": "..."}, intake=said or None)
    assert refusal_of(command, RULES) == ("DG-COL-020", field)


@pytest.mark.clause("COL-14")
def test_a_desensitised_recording_is_taken() -> None:
    said = {"item": "recording", "recording": {"desensitised": True, "method": "beep", "operator": "person:o-1"}}
    decided(collect(fields={"call_transcript": "..."}, intake=said), RULES)


@pytest.mark.clause("COL-16")
def test_events_lie_in_the_past_and_key_steps_in_the_file_of_their_matter() -> None:
    assert refusal_of(lawful(intake={"happened_at": AFTER})) == ("DG-COL-022", "intake.happened_at")
    assert refusal_of(lawful(intake={"happened_at": "2027-02-30T00:00:00Z"})) == ("DG-COL-022", "intake.happened_at")
    step = {"business_step": "approved"}
    assert refusal_of(business("key_step", step), RULES) == ("DG-COL-027", "intake.matter")
    decided(business("key_step", step, matter="loan-2027-5"), RULES)


@pytest.mark.clause("ARR-01", "ARR-02")
def test_an_item_without_a_category_is_refused() -> None:
    assert refusal_of(lawful(intake={"item": "miscellany"})) == ("DG-COL-024", "intake.item")
    assert refusal_of(lawful(intake={"item": "voucher"})) == ("DG-COL-024", "intake.item")  # not the form's kind
    rules = relaxed(collection={"form_required": False})
    unclassified = lawful("intake.form")
    anyform = dataclasses.replace(APPROVED, document=APPROVED.document.model_copy(update={"form": None}))
    assert refusal_of(unclassified, rules, approved=anyform) == ("DG-COL-024", "intake.item")
    decided(lawful("intake.form", intake={"item": "customer"}), rules, approved=anyform)


@pytest.mark.clause("ARR-05", "COL-04")
def test_derived_information_needs_notice_consent_and_form_like_any_other() -> None:
    profile = {"consumption_profile": "buys at night"}
    said = {"form": "profile@1", "use": "offers", "notice": {"reference": "marketing-1", "given_at": EARLIER}}
    told = {"text_sha256": STRICT.notices["marketing-1"].sha256, "retention_months": 24}
    parts: dict[str, Any] = {"purpose": "marketing", "fields": profile, "intake": said}
    draft = decided(lawful(consent=told, **parts))
    assert draft.level is Level.SENSITIVE
    assert draft.cohort.startswith("marketing/")
    assert refusal_of(lawful(consent=None, **parts))[0] == "DG-COL-012"
    assert refusal_of(lawful(consent=told, **parts | {"purpose": "account_service"}))[0] == "DG-COL-005"
    assert STRICT.catalogue.field("consumption_profile").category == "preference.derived"


def _members_in_clear(model: type[BaseModel], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where in the model references and names stand."""
    found = []
    for name, hint in get_type_hints(model, include_extras=True).items():
        kinds = get_args(hint) if isinstance(hint, UnionType) or get_origin(hint) is Union else (hint,)
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += _members_in_clear(kind, (*path, name))
            elif kind in (Reference, Name):
                found.append((*path, name))
    return found


@pytest.mark.clause("COL-19")
@pytest.mark.parametrize("path", _members_in_clear(Intake), ids=".".join)
def test_no_reference_or_name_of_a_collection_may_be_personal_data(path: tuple[str, ...]) -> None:
    members = {
        "notice": {"given_at": EARLIER},
        "source": {"party": "sys:partner-7"},
        "identity_check": lawful().intake.model_dump(exclude_none=True)["identity_check"],  # type: ignore[union-attr]
        "assessment": {"assessor": "p-1", "at": EARLIER, "identity_class": "a", "risk_grade": "low"},
        "recording": {"desensitised": True},
        "household": {"building": "b1", "floor": 1, "unit": "u1"},
        "customer": {"type": "individual", "business_type": "finance", "segment": "ordinary"},
    }
    *outer, last = path
    value: Any = "u13800138000"
    member = {**members[outer[0]], last: value} if outer else value
    assert refusal_of(lawful(intake={path[0]: member}))[0] == "DG-COL-007"


def test_the_members_looked_at_are_not_few() -> None:
    assert len(_members_in_clear(Intake)) >= 23


CANARY = "ZX-canary-7311"
OUTSIDE = st.sampled_from(
    ["intake.use", "intake.notice", "consent", "intake.form", "intake.channel", "intake.approval"]
)


@pytest.mark.clause("COL-19")
@settings(max_examples=60, deadline=None)
@given(
    without=OUTSIDE,
    field=st.sampled_from(sorted(STRICT.catalogue.fields)),
    purpose=st.sampled_from(sorted(STRICT.catalogue.purposes)),
    form=st.sampled_from(sorted(STRICT.forms.forms)),
    strict=st.booleans(),
)
def test_a_refusal_never_tells_a_value(without: str, field: str, purpose: str, form: str, *, strict: bool) -> None:
    fields = {**FIELDS, field: CANARY, "address": CANARY}
    command = lawful(without, intake={} if without == "intake.form" else {"form": form}, purpose=purpose, fields=fields)
    got = received(command, CRM)
    try:
        decide(got, STRICT if strict else RULES, {})
    except Refusal as refusal:
        outcome = refuse(got, refusal)
        told = [str(refusal), refusal.next_step, repr(outcome.result), repr(outcome.facts)]
        told += [ocsf(each, event_id(each)).decode() for each in outcome.facts]
        values = [CANARY, "张三", "138 0013 8000", "11010519491231002X", "Suzhou"]
        assert not [value for value in values for text in told if value in text or json.dumps(value) in text]


def test_who_may_not_collect_is_told_before_anything_else() -> None:
    assert refusal_of(lawful("intake"), sender=principal("sys:x", "reader"))[0] == "DG-CMD-004"
