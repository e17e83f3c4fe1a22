"""Update: from which version, by whom, which fields; and what a conflict tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from consumers.update import MAX_HISTORY_BYTES, decide
from keys.ports import KeyRef
from schemas.errors import Refusal
from schemas.levels import Level
from store.records import Record
from tests.consumers.samples import RULES, principal, received, update
from tests.consumers.test_propose import propose

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
