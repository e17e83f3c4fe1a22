"""Which parts of attachments the rules let in, and who may read one; no server."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.attachment_rules import decide, sniffed
from consumers.reading import attachment_reads
from consumers.rules import Rules
from keys.ports import KeyRef
from ops.rules import load_rules
from schemas.collection_approval import Approved, CollectionApproval
from schemas.commands import Access, Attach
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.members import MAX_PARTS, PART_BYTES
from schemas.principals import Grant
from store.attachments import Attachment
from store.record import Record
from tests.consumers.samples import NOW, RULES, principal, received

STRICT = load_rules()
CRM = principal("sys:crm", "collector", "reader")
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02"
RECORD = Record(
    id="rec-0001",
    subject="sub-0001",
    version=1,
    level=Level.BASIC,
    cohort="customer/2027Q1",
    purpose="account_service",
    legal_basis="contract",
    fields={},
    keys={Level.BASIC: KeyRef("page-1", 0)},
    command=str(uuid.UUID(int=3)),
    sender="sys:crm",
    ingest_keys=("kid",),
    at_ms=NOW * 1000,
)


def attach(data: bytes = PDF, **changes: Any) -> Attach:
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "attach",
        "record": "rec-0001",
        "attachment": "scan-1",
        "kind": "identity_paper",
        "part": 1,
        "parts": 1,
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": base64.b64encode(data).decode(),
    }
    return Attach.model_validate(members | changes)


def code(
    command: Attach,
    *,
    sender: Any = CRM,
    record: Record | None = RECORD,
    rules: Rules = RULES,
    approvals: Mapping[str, Approved] = MappingProxyType({}),
) -> str | None:
    try:
        decide(received(command, sender), record, rules, approvals)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.clause("ARR-01", "ARR-12")
@pytest.mark.parametrize("content", [PDF, JPEG, PNG])
def test_the_known_types_come_in_with_category_and_level(content: bytes) -> None:
    part = decide(received(attach(content), CRM), RECORD, RULES)
    assert (part.spec.category, part.spec.level) == ("basic.identity", Level.CORE)
    assert part.data == content


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00" * 30,
        b"GIF89a" + bytes(30),
        b"PK\x03\x04" + bytes(40),
        b"<html><script>",
        b"x",
        b" " + PDF,
        bytes(99),
    ],
)
def test_the_type_is_told_from_the_content(content: bytes) -> None:
    assert code(attach(content)) == "DG-ATT-004"


@given(st.binary(min_size=1, max_size=2000))
def test_whatever_the_bytes_only_a_scan_passes_and_nothing_breaks(content: bytes) -> None:
    assert sniffed(content) is not None
    starts = content.startswith((b"%PDF", b"\xff\xd8\xff", b"\x89PNG"))
    assert starts or code(attach(content)) == "DG-ATT-004"


def test_a_kind_that_takes_no_pdf_refuses_one() -> None:
    kind = RULES.catalogue.attachments["identity_paper"]
    only_images = kind.model_copy(update={"types": frozenset({"png"})})
    catalogue = replace(RULES.catalogue, attachments={"identity_paper": only_images})
    with pytest.raises(Refusal, match="DG-ATT-004"):
        decide(received(attach(), CRM), RECORD, replace(RULES, catalogue=catalogue))
    decide(received(attach(PNG), CRM), RECORD, replace(RULES, catalogue=catalogue))


@pytest.mark.clause("COL-02")
def test_who_what_and_where_are_checked() -> None:
    assert code(attach(kind="selfie")) == "DG-ATT-002"
    assert code(attach(), record=None) == "DG-ATT-001"
    assert code(attach(), record=replace(RECORD, purpose="marketing")) == "DG-ATT-003"
    assert code(attach(), sender=principal("sys:other", "reader")) == "DG-CMD-004"
    assert code(attach(record="11010519491231002X")) == "DG-COL-007"
    assert code(attach(attachment="13912345678")) == "DG-COL-007"
    assert code(attach(approval="13912345678")) == "DG-COL-007"


def test_only_who_sent_the_record_and_who_keeps_it_attach_and_others_do_not_learn_that_it_is_there() -> None:
    other, keeper = principal("sys:other", "collector"), principal("person:keeper", "collector", kind="person")
    kept = replace(RECORD, intake={"custodian": "person:keeper"})
    assert code(attach(), sender=other) == code(attach(), sender=other, record=None) == "DG-ATT-001"
    assert code(attach(), sender=keeper) == "DG-ATT-001"
    assert code(attach(), sender=keeper, record=kept) is None
    assert code(attach(), record=kept) is None


@pytest.mark.clause("COL-07")
def test_nothing_is_added_to_what_is_objected_to_or_part_of_another_archive() -> None:
    assert code(attach(), record=replace(RECORD, objected=True)) == "DG-ACC-010"
    assert code(attach(), record=replace(RECORD, part_of="rec-main")) == "DG-MRG-004"
    assert code(attach(), record=replace(RECORD, consent_state="withdrawn")) == "DG-CON-001"


APPROVED = Approved(
    CollectionApproval(
        id="core-2027",
        form="retail@2",
        purpose="account_service",
        fields=frozenset({"id_number", "attachment.identity_paper"}),
        not_before=NOW - 100,
        not_after=NOW + 100,
    ),
    "person:head-1",
)
FORMAL = replace(RECORD, intake={"form": "retail@2", "collector": "person:teller-4", "custodian": "person:keeper"})


def approved(approver: str = "person:head-1", sender: Any = CRM, **changes: Any) -> str | None:
    """What the strictest rules say of a core-sensitive kind, under an approval with those changes."""
    given = Approved(APPROVED.document.model_copy(update=changes), approver)
    command = attach(approval="core-2027")
    return code(command, sender=sender, record=FORMAL, rules=STRICT, approvals={"core-2027": given})


@pytest.mark.clause("COL-13")
def test_a_core_sensitive_kind_comes_in_under_an_approval_of_its_own_only() -> None:
    assert code(attach(), record=FORMAL, rules=STRICT, approvals={"core-2027": APPROVED}) == "DG-COL-019"
    assert code(attach(approval="core-2027"), record=FORMAL, rules=STRICT) == "DG-COL-019"
    assert code(attach(kind="consent_paper"), record=FORMAL, rules=STRICT) is None
    assert approved() is None
    assert approved(form=None) is None
    assert approved(fields=frozenset({"id_number"})) == "DG-COL-019"
    assert approved(purpose="anti_money_laundering") == "DG-COL-019"
    assert approved(form="retail@1") == "DG-COL-019"
    assert approved(not_after=NOW) == "DG-COL-019"
    assert approved(not_before=NOW + 1) == "DG-COL-019"


@pytest.mark.clause("COL-13")
@pytest.mark.parametrize("approver", ["sys:crm", "person:teller-4", "person:keeper"])
def test_nobody_approves_what_he_collects_himself(approver: str) -> None:
    keeper = principal("person:keeper", "collector", kind="person")
    assert approved(approver, sender=keeper) == "DG-COL-019"


def test_an_approval_names_fields_and_kinds_of_attachment_and_nothing_else() -> None:
    members = APPROVED.document.model_dump()
    assert CollectionApproval.model_validate(members) == APPROVED.document
    for wrong in ("attachment.", "attachment.*", "*", "attachments.identity_paper", "attachment.a.b"):
        with pytest.raises(ValueError, match="fields"):
            CollectionApproval.model_validate(members | {"fields": [wrong]})


@given(st.integers(1, MAX_PARTS), st.integers(1, MAX_PARTS), st.sampled_from([1, 7, PART_BYTES - 1, PART_BYTES]))
def test_only_full_parts_and_one_shorter_last_one_pass(part: int, parts: int, size: int) -> None:
    """So an attachment is never larger than 16 MiB, whatever its sender says."""
    found = code(attach((PDF + bytes(size))[:size] if size > 1 else b"%", part=part, parts=parts))
    fits = part <= parts and (size == PART_BYTES or part == parts)
    assert (found == "DG-ATT-005") == (not fits)


@pytest.mark.parametrize("text", ["AAA", "AA=A", "====", "AAAA\n", "A A A A "])
def test_what_is_not_written_as_base64_is_no_command(text: str) -> None:
    members = attach().model_dump() | {"data": text}
    with pytest.raises(ValueError, match="data"):
        Attach.model_validate(members)


def test_what_only_looks_like_base64_is_refused() -> None:
    assert code(attach().model_copy(update={"data": "AAAAA"})) == "DG-ATT-005"


FOUND = Attachment("rec-0001", "scan-1", "identity_paper", Level.CORE, 3, b"", "c", "s", NOW, state="complete", size=9)


def read(
    found: Attachment | None = FOUND, *, part: int = 1, who: Any = CRM, asked: str = "account_service", **grant: Any
) -> str | None:
    command = Access.model_validate(
        {
            "id": str(uuid.uuid4()), "type": "access", "record": "rec-0001", "grant": "grant-1",
            "purpose": asked, "attachment": "scan-1", "part": part,
        }
    )  # fmt: skip
    every = frozenset("*")
    members = {"fields": every, "clear": every, "records": every, "purpose": "account_service"} | grant
    given_to = Grant(id="grant-1", principal=CRM.id, not_before=NOW - 9, not_after=NOW + 9, **members)
    try:
        attachment_reads.decide(received(command, who), found, given_to, RULES, NOW)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.clause("STO-03")
def test_a_grant_for_general_fields_never_yields_a_scan() -> None:
    kind = frozenset({"attachment.identity_paper"})
    assert read() is None
    assert read(fields=kind, clear=kind) is None
    assert read(fields=frozenset({"city"})) == "DG-ACC-003"
    assert read(fields=frozenset({"attachment.consent_paper"})) == "DG-ACC-003"
    assert read(fields=kind, clear=frozenset({"city"})) == "DG-ATT-011"
    assert read(fields=kind, clear=frozenset()) == "DG-ATT-011"
    assert read(purpose="marketing") == "DG-ACC-004"
    assert read(records=frozenset({"rec-0002"})) == "DG-ACC-001"
    assert read(who=replace(CRM, clearance=Level.SENSITIVE)) == "DG-CMD-004"


@pytest.mark.clause("COL-02")
def test_no_grant_lets_a_scan_be_read_for_a_purpose_that_does_not_need_its_kind() -> None:
    assert read(asked="marketing", purpose="marketing") == "DG-ATT-003"
    assert read(replace(FOUND, kind="consent_paper"), asked="marketing", purpose="marketing") is None
    assert read(replace(FOUND, kind="no_longer_in_the_catalogue")) == "DG-ATT-003"
    assert read(None, asked="marketing", purpose="marketing") == "DG-ATT-010"


def test_only_a_complete_attachment_is_read() -> None:
    assert read(None) == "DG-ATT-010"
    assert read(replace(FOUND, state="open")) == "DG-ATT-010"
    assert read(replace(FOUND, state="failed")) == "DG-ATT-010"
    assert read(part=4) == "DG-ATT-010"


def test_a_read_names_fields_or_a_part_of_an_attachment_and_not_both() -> None:
    base = {"id": str(uuid.uuid4()), "type": "access", "record": "rec-1", "grant": "g-1", "purpose": "p"}
    Access.model_validate(base | {"fields": ["name"]})
    for wrong in ({}, {"attachment": "scan-1"}, {"part": 1}, {"fields": ["name"], "attachment": "scan-1", "part": 1}):
        with pytest.raises(ValueError, match="give fields"):
            Access.model_validate(base | wrong)
