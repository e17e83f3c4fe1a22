"""``dangan retention`` on a working archive: what falls due, why, what a hold and a signed extension change."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.commands import retention
from ops.commands.approve import sign_approval
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import hold, register
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.retention import ExtendRetention
from store.database import Database, connect
from store.holds import Hold
from store.retention import Expiries
from tests.harness.office import PURPOSE, Office, public

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]
TAG = uuid.uuid4().hex[:6]
TODAY = date.today()  # noqa: DTZ011
LONG_AGO = (TODAY - timedelta(days=11 * 366)).isoformat()


@pytest.fixture
async def database(office: Office) -> AsyncIterator[Database]:
    async with connect(office.settings.mongo_uri.get_secret_value(), office.settings.mongo_database) as found:
        yield found


async def run(stack: Stack, key: Path, *words: str) -> str:
    app = typer.Typer()
    retention.register(app)

    def invoke() -> str:
        args = ["retention", *words, "--as", str(key), "--home", str(stack.home)]
        result = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return await asyncio.to_thread(invoke)


def key_file(folder: Path, keys: PrincipalKeys) -> Path:
    file = folder / f"{keys.principal.replace(':', '-')}.key"
    write_private(file, dump_keys(keys, None))
    return file


@pytest.mark.clause("DES-02", "STO-10", "STO-11")
async def test_records_fall_due_by_facts_and_a_hold_or_an_extension_keeps_them(
    stack: Stack, office: Office, database: Database, tmp_path: Path
) -> None:
    key = key_file(tmp_path, office.archivist)
    records = [f"rec-{TAG}-{number}" for number in range(5)]
    async with office.publisher() as crm:
        receipts = [
            await crm.collect(
                record=record,
                subject=f"sub-{record}",
                purpose=PURPOSE,
                legal_basis="contract",
                fields={"city": "苏州"},
                intake={"happened_at": f"{LONG_AGO}T10:00:00+08:00"},
            )
            for record in records
        ]
        assert [(await receipt).status for receipt in receipts] == ["accepted"] * 5

    plan = json.loads(await run(stack, key, "plan", "--json"))
    assert (plan["overdue"], plan["period_not_begun"]["customer"]) == ({}, 5)
    file = tmp_path / "ended.csv"
    lines = [f"sub-{record},end_of_business,{LONG_AGO},case-{TAG}" for record in records[:3]]
    file.write_text("\n".join(["subject,event,day,evidence", *lines, ""]), "utf-8")
    assert "3 facts stated" in await run(stack, key, "facts", str(file))
    recent = (TODAY - timedelta(days=30)).isoformat()
    await run(stack, key, "fact", f"sub-{records[3]}", "end_of_business", recent, "--evidence", "case-9")
    with pytest.raises(DanganError) as refused:
        await run(stack, key, "fact", f"sub-{records[4]}", "boredom", recent, "--evidence", "case-9")
    assert refused.value.code == "DG-RET-002"

    async with desk(office.settings) as at:
        await hold(at, Hold(records[1], "court-2", "file-7", None))
    shown = await run(stack, key, "show", records[0])
    assert "customer" in shown
    assert "resting on law" in shown
    assert "expired: yes" in shown
    found = json.loads(await run(stack, key, "due", "--json"))
    assert {line["record"]: line["kept by"] for line in found} == {
        records[0]: "", records[1]: "legal hold", records[2]: ""
    }  # fmt: skip
    assert all(int(line["days over"]) > 300 for line in found)

    assert "2 are, 2 of them would be new" in await run(stack, key, "run", "--dry-run")
    assert [each async for each in Expiries(database).all()] == []
    await run(stack, key, "run")
    assert {each.record async for each in Expiries(database).all()} == {records[0], records[2]}
    assert "0 of them new" in await run(stack, key, "run")

    await run(stack, key, "fact", f"sub-{records[4]}", "end_of_business", LONG_AGO, "--evidence", "case-wrong")
    assert "3 are, 1 of them new" in await run(stack, key, "run")
    mistaken = (f"sub-{records[4]}", "end_of_business", "--evidence", "case-10")
    await run(stack, key, "retract", *mistaken)
    assert "1 taken off the list" in await run(stack, key, "run")
    assert json.loads(await run(stack, key, "plan", "--json"))["period_not_begun"]["customer"] == 1
    with pytest.raises(DanganError) as nothing:
        await run(stack, key, "retract", *mistaken)
    assert nothing.value.code == "DG-RET-006"
    said = await database["retention_facts"].find_one({"_id": f"sub-{records[4]} end_of_business"})
    assert [(each["day"], each["evidence"]) for each in said["said"]] == [
        (str(LONG_AGO), "case-wrong"), (None, "case-10")
    ]  # fmt: skip

    await _extend(stack, office, key, tmp_path, records[2])
    assert "1 taken off the list" in await run(stack, key, "run")
    assert {each.record async for each in Expiries(database).all()} == {records[0]}

    other = tmp_path / "other.toml"
    other.write_text(
        "[retention]\nyears_by_class = {customer = 50, due_diligence = 50, transactions = 15, marketing = 2}\n"
    )
    preview = json.loads(await run(stack, key, "plan", "--rules", str(other), "--json"))["with_other_rules"]
    assert (preview["earlier"], preview["later"], preview["due_at_once"]) == (0, 4, 0)
    other.write_text("[retention]\nyears_by_class = {transactions = 40}\n")
    with pytest.raises(DanganError) as refused:
        await run(stack, key, "plan", "--rules", str(other))
    assert refused.value.code == "DG-RET-005"
    shown = await run(stack, key, "plan")
    assert "period not begun" in shown
    assert "█" in shown


async def _extend(stack: Stack, office: Office, key: Path, folder: Path, record: str) -> None:
    posts = {
        role: PrincipalKeys.generate(f"person:{role.replace('_', '-')}-{TAG}") for role in ("records_head", "director")
    }
    now = int(time.time())
    async with desk(office.settings) as at:
        for role, keys in posts.items():
            await register(
                at, public(keys), roles=(role,), department="archive", clearance=Level.CORE, person=True, now=now
            )
    asked = ExtendRetention.model_validate(
        {
            "type": "extend_retention", "id": str(uuid.uuid4()), "records": [record], "reason": "law-suit",
            "until": (TODAY + timedelta(days=400)).isoformat(), "approvals": (),
        }
    )  # fmt: skip
    tokens = [sign_approval(asked, office.archivist.principal, each, now=now) for each in posts.values()]
    file = folder / "extend.json"

    async def sent(approvals: list[str], **changes: Any) -> str:
        file.write_text(json.dumps(asked.model_dump(mode="json") | {"approvals": approvals} | changes))
        return await run(stack, key, "extend", str(file))

    for approvals, changes, code in (
        ([], {}, "DG-APR-001"),
        (tokens[:1], {}, "DG-APR-001"),
        ([tokens[0], tokens[0]], {}, "DG-APR-001"),
        (tokens, {"until": "2099-01-01"}, "DG-APR-004"),
        (tokens, {"until": LONG_AGO}, "DG-RET-004"),
    ):
        with pytest.raises(DanganError) as refused:
            await sent(approvals, **changes)
        assert refused.value.code == code, changes
    assert "approved by" in await sent(tokens)


@pytest.mark.clause("STO-10")
def test_a_record_without_a_class_is_refused() -> None:
    """The rule book of this test has no period for the class; the archive's own has: see the unit tests."""
    from consumers.collect import decide
    from tests.consumers.samples import RULES, collect, principal, received

    table = RULES.book.retention.model_dump() | {
        "years_by_class": {"marketing": 2}, "statutory_minimum": {}, "transaction_classes": ()
    }  # fmt: skip
    book = RULES.book.model_copy(update={"retention": RULES.book.retention.model_validate(table)})
    with pytest.raises(DanganError) as refused:
        decide(received(collect(), principal("sys:crm", "collector")), replace(RULES, book=book))
    assert refused.value.code == "DG-RET-001"
