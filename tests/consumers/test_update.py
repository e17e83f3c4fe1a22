"""Update: from which version, by whom, which fields; and what a conflict tells."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from consumers.update import MAX_HISTORY_BYTES, decide
from keys.ports import KeyRef
from schemas.collection_approval import Approved
from schemas.commands import Update
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.rulebook import Correction, RuleBook
from store.record import Record
from tests.consumers.lawful import APPROVED, STRICT
from tests.consumers.samples import NOW, RULES, principal, received, update
from tests.consumers.test_propose import propose
from tests.simulators.corrections import EDITOR, Corrections
from tests.simulators.merging import ONE_EACH, Archive

CRM = principal("sys:crm", "editor")
RECORD = Record(
    id="rec-0001", subject="sub-0001", version=4, level=Level.CORE, cohort="c", purpose="account_service",
    legal_basis="contract", fields={"id_number": b"", "city": b""}, command="x", sender="sys:crm",
    keys={Level.CORE: KeyRef("p", 1), Level.BASIC: KeyRef("q", 1)}, ingest_keys=(), at_ms=0,
)  # fmt: skip


def change(command: Any, *, record: Record | None = RECORD, sender: Any = CRM) -> Any:
    return decide(received(command, sender), record, RULES)


def refusal(command: Any, **kwargs: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        change(command, **kwargs)
    return caught.value


def test_a_change_normalises_values_and_knows_tokens_and_level() -> None:
    made = change(update(from_version=4, fields={"phone": "13800138000", "id_number": None}))
    assert made.values == {"phone": b'"+8613800138000"', "id_number": None}
    assert made.indexed == {"phone": "+8613800138000", "id_number": None}
    assert made.level is Level.SENSITIVE  # the core field is gone
    assert made.reason_level is Level.CORE  # but its key still protects the reason


@pytest.mark.clause("UPD-03")
def test_an_update_of_an_older_version_is_refused_with_the_current_one() -> None:
    refused = refusal(update(from_version=3))
    assert refused.code == "DG-UPD-002"
    assert "4" in refused.sentence


def test_updates_need_a_live_record_a_role_the_clearance_and_the_purpose() -> None:
    assert refusal(update(from_version=4), record=None).code == "DG-UPD-001"
    assert refusal(update(from_version=4), sender=principal("sys:x", "reader")).code == "DG-CMD-004"
    low = replace(CRM, clearance=Level.BASIC)
    assert refusal(update(from_version=4, fields={"phone": "13800138000"}), sender=low).code == "DG-CMD-004"
    marketing = replace(RECORD, purpose="marketing")
    assert refusal(update(from_version=4, fields={"risk_grade": "low"}), record=marketing).code == "DG-COL-005"
    assert refusal(update(from_version=4, record="11010519491231002X")).code == "DG-COL-007"


def test_a_full_history_is_refused_not_broken() -> None:
    full = replace(RECORD, history_bytes=MAX_HISTORY_BYTES + 1)
    assert refusal(update(from_version=4), record=full).code == "DG-UPD-003"


@pytest.mark.clause("UPD-03")
@pytest.mark.parametrize("without", ["reason", "evidence"])
@pytest.mark.parametrize("command", [update(), propose()])
def test_an_update_or_proposal_without_reason_or_evidence_is_no_command(command: Any, without: str) -> None:
    members = command.model_dump()
    assert type(command).model_validate(members) == command
    with pytest.raises(ValidationError):
        type(command).model_validate({name: value for name, value in members.items() if name != without})
    with pytest.raises(ValidationError):
        type(command).model_validate(members | {without: ""})


async def updated() -> tuple[Corrections, Update]:
    at, command = Corrections(), update(fields={"city": "Wuxi"}, event="ownership")
    await at.store("rec-0001", {"city": "Suzhou", "phone": "+8613800138000"})
    assert (await at.apply(received(command, EDITOR))).result.status == "accepted"
    return at, command


@pytest.mark.clause("UPD-03")
async def test_a_redelivered_update_changes_nothing_and_is_answered_the_same() -> None:
    at, command = await updated()
    stored = at.documents.records["rec-0001"]
    again = await at.apply(received(command, EDITOR))
    assert (again.result.status, again.result.version, again.facts[0].version) == ("accepted", 2, 2)
    assert at.documents.records["rec-0001"] == stored


@pytest.mark.clause("UPD-03")
@pytest.mark.parametrize(
    "other",
    [
        {"fields": {"id_number": "11010519491231002X"}},
        {"fields": {"city": "Nanjing"}},
        {"from_version": 2},
        {"reason": "something else"},
        {"evidence": "letter-78"},
        {"event": None},
    ],
)
async def test_another_update_under_a_used_id_is_refused_and_never_told_as_done(other: dict[str, Any]) -> None:
    at, command = await updated()
    outcome = await at.apply(received(command.model_copy(update=other), EDITOR))
    assert (outcome.result.status, outcome.result.code) == ("refused", "DG-CMD-001")
    (event,) = outcome.facts
    assert (event.allowed, event.fields, event.version) == (False, (), None)
    assert at.documents.records["rec-0001"].version == 2


async def test_what_an_update_is_known_by_is_no_hash_of_its_values_in_clear() -> None:
    at, command = await updated()
    (entry,) = at.documents.records["rec-0001"].history
    document = orjson.dumps(command.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    assert hashlib.sha256(document).digest() not in entry["digest"]
    forged = replace(at.documents.records["rec-0001"], history=({**entry, "digest": entry["reason"]},))
    at.documents.records["rec-0001"] = forged
    assert (await at.apply(received(command, EDITOR))).result.code == "DG-KEY-004"


@pytest.mark.clause("UPD-02")
@pytest.mark.parametrize(
    ("seen", "then", "code"),
    [("returned", "archived", "DG-UPD-010"), ("returned", "reviewed", "DG-UPD-010"), ("archived", "returned", None)],
)
async def test_an_update_is_decided_anew_when_the_record_moves_under_it(seen: str, then: str, code: str | None) -> None:
    approved = replace(ONE_EACH, book=ONE_EACH.book.model_copy(update={"correction": Correction()}))
    archive = Archive()
    await archive.collect("rec-0001", "sub-1", {"city": "Suzhou"})
    archive.rows.documents["rec-0001"]["stage"] = seen
    records: Any = archive.records
    revise, rounds = records.revise, []

    async def late(revision: Any) -> Any:
        if not rounds:
            archive.rows.documents["rec-0001"]["stage"] = then
        rounds.append(revision.seen)
        return await revise(revision)

    records.revise = late
    rules = approved if code else ONE_EACH
    outcome = await archive.update("rec-0001", 1, {"city": "Wuxi"}, rules)
    assert outcome.result.code == code
    assert (await archive.own("rec-0001"))["city"] == ("Suzhou" if code else "Wuxi")
    assert rounds == ([seen] if code else [seen, then])


RETURNED = replace(
    RECORD,
    version=1,
    level=Level.CORE,
    fields=dict.fromkeys(("name", "id_number", "phone", "city"), b""),
    stage="returned",
    intake={"form": "retail@2", "approval": "core-2027", "collector": "person:teller-4"},
)
ACCOUNT = {"account_number": "6222021234567890128"}


def completed(fields: dict[str, Any], approved: Approved | None = APPROVED, **changes: Any) -> str | None:
    """What the sender of the returned intake is refused with."""
    known = {} if approved is None else {approved.document.id: approved}
    try:
        decide(received(update(fields=fields, **changes), CRM), RETURNED, STRICT, known)
    except Refusal as refused:
        return refused.code
    return None


@pytest.mark.clause("COL-13")
def test_completing_an_intake_collects_core_fields_under_an_approval_only() -> None:
    assert completed(ACCOUNT) is None
    assert completed({"city": "Wuxi", "account_number": None}, None) is None, "nothing of it is collected"
    assert completed(ACCOUNT, None) == "DG-COL-019"
    narrow = APPROVED.document.model_copy(update={"fields": frozenset({"id_number"})})
    assert completed(ACCOUNT, replace(APPROVED, document=narrow)) == "DG-COL-019"
    late = APPROVED.document.model_copy(update={"not_after": NOW})
    assert completed(ACCOUNT, replace(APPROVED, document=late)) == "DG-COL-019"
    for approver in ("sys:crm", "person:teller-4"):
        assert completed(ACCOUNT, replace(APPROVED, approver=approver)) == "DG-COL-019"
    other = replace(APPROVED, document=APPROVED.document.model_copy(update={"id": "core-2028"}))
    assert completed(ACCOUNT, other) == "DG-COL-019"
    assert completed(ACCOUNT, other, approval="core-2028") is None
    assert completed(ACCOUNT, other, approval="13800138000") == "DG-COL-007"


@pytest.mark.clause("COL-13")
def test_no_update_brings_core_fields_unapproved_where_corrections_need_no_approval() -> None:
    book = RuleBook.from_mappings({"correction": {"approval_required": False}})
    archived = replace(RETURNED, stage="archived")
    with pytest.raises(Refusal, match="DG-COL-019"):
        decide(received(update(fields=ACCOUNT), CRM), archived, replace(STRICT, book=book))


@pytest.mark.clause("COL-08")
def test_completing_an_intake_keeps_to_its_form() -> None:
    assert completed({"occupation": "clerk"}) is None
    assert completed({"call_transcript": "asked about a loan"}) == "DG-COL-018"
    assert completed({"phone": None}) == "DG-COL-017"
    assert completed({"occupation": None}) is None, "what is not on the record may be absent"


@pytest.mark.clause("COL-13")
async def test_the_records_own_approval_is_looked_up_and_verified() -> None:
    at = Corrections(rules=STRICT)
    await at.store(
        "rec-0001",
        {"city": "Suzhou"},
        stage="returned",
        sender=CRM.id,
        intake={"approval": "core-2027", "form": "retail@2"},
    )
    command = update(fields={"id_number": "11010519491231002X", "name": "张三", "phone": "13800138000"})
    assert (await at.apply(received(command, CRM))).result.code == "DG-COL-019"
    at.approved["core-2027"] = APPROVED
    assert (await at.apply(received(command, CRM))).result.version == 2
