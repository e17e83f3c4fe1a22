"""``dangan approve`` shows and signs every kind of command that people sign, and only the action that fits."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import typer
from joserfc import jws
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.commands import approve
from ops.private_files import write_private
from schemas.approvals import ACTIONS_OF

RECORDS = {"records": ["rec-0001", "rec-0002"]}
VERSIONS = {"from_version": 1, "duplicate_version": 1}
PAIR = {"record": "rec-0001", "duplicate": "rec-0002", "reason": "one customer", **VERSIONS}
MEMBERS: dict[str, dict[str, Any]] = {
    "destroy": RECORDS | {"ground": "expired", "reason": "ten years over"},
    "hand_over": RECORDS,
    "confirm": RECORDS,
    "apply": RECORDS | {"fields": ["city"], "purpose": "account_service", "reason": "a loan"},
    "merge": PAIR,
    "unmerge": PAIR,
    "decide": {"record": "rec-0001", "proposal": str(uuid.UUID(int=1)), "verdict": "approved", "reason": "rec-0002"},
    "permission_change": {
        "principal": "rec-0001",
        "kind": "person",
        "roles": ["reader"],
        "department": "retail",
        "clearance": "basic",
        "from_version": 0,
        "reason": "rec-0002",
    },
    "thaw": RECORDS | {"incident": "inc-1", "reason": "it was a mistake"},
    "seal": RECORDS | {"reason": "the period has ended"},
    "unseal": RECORDS | {"reason": "a court asks"},
    "share": RECORDS | {"kind": "external", "recipient": "partner-1", "fields": ["city"], "reason": "an audit"},
    "extend_retention": RECORDS | {"until": "2040-01-01", "reason": "law-suit"},
    "staff_hand_over": {"principal": "staff:7", "successor": "staff:8", **RECORDS},
}


def run(folder: Path, document: object, *options: str) -> Any:
    app = typer.Typer()
    approve.register(app)
    key, file = folder / "a.key.json", folder / "request.json"
    if not key.exists():
        write_private(key, dump_keys(PrincipalKeys.generate("staff:4001"), None))
    file.write_text(json.dumps(document))
    return CliRunner().invoke(app, ["approve", str(file), "--requester", "staff:1", "--key", str(key), *options])


def test_every_type_is_shown_whole_and_signed_with_its_action(tmp_path: Path) -> None:
    for kind, actions in ACTIONS_OF.items():
        document = {"type": kind, "id": str(uuid.uuid4()), **MEMBERS[kind]}
        for action in actions:
            result = run(tmp_path, document, "--action", action)
            assert result.exit_code == 0, result.output
            assert all(name in result.stderr for name in ("rec-0001", "rec-0002", "staff:1", document["id"])), kind
            signed = json.loads(jws.extract_compact(result.stdout.strip().encode()).payload)
            assert (signed["action"], signed["approver"]) == (action, "staff:4001")


@pytest.mark.clause("COL-11")
def test_who_signs_a_confirmation_sees_the_version_of_each_record(tmp_path: Path) -> None:
    document = {"type": "confirm", "id": str(uuid.uuid4()), **RECORDS}
    shown = run(tmp_path, {**document, "versions": [17, 4]}).stderr
    rows = [line.replace("│", " ").split() for line in shown.splitlines() if "rec-000" in line]
    assert rows == [["1", "rec-0001", "17"], ["2", "rec-0002", "4"]]
    odd = run(tmp_path, {**document, "versions": [17]}).stderr  # which fits no record, and is refused later
    assert "versions: [17]" in odd


@pytest.mark.clause("COL-18")
def test_a_hand_over_is_signed_by_saying_which_side_one_is(tmp_path: Path) -> None:
    document = {"type": "hand_over", "id": str(uuid.uuid4()), **RECORDS}
    result = run(tmp_path, document)
    assert getattr(result.exception, "code", None) == "DG-OPS-035"
    assert "hand-over or take-over" in str(result.exception)


def test_what_people_do_not_sign_is_refused(tmp_path: Path) -> None:
    review = {"type": "review", "id": str(uuid.uuid4()), **RECORDS, "result": "passed"}
    destroy = {"id": str(uuid.uuid4()), **MEMBERS["destroy"]}
    for document, options in ((review, ()), ([], ()), ("text", ()), (destroy, ("--action", "merge"))):
        result = run(tmp_path, document, *options)
        assert getattr(result.exception, "code", None) == "DG-OPS-035", document
