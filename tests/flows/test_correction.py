"""Corrections on the real services, under rules as strict as they come: nothing changes without approval or an event."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from consumers.propose import opened
from keys.principal_keys import PrincipalKeys, dump_keys
from keys.ring import KeyRing
from keys.vault import transit_of
from ops import corrections
from ops.audited import Desk, desk
from ops.cli import build
from ops.commands.approve import read_request, sign_approval
from ops.embedded.stack import Stack
from ops.private_files import private
from ops.registry import give, register
from schemas.commands import Decide
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from schemas.rulebook import RuleBook
from store.pages import Pages
from store.proposals import Proposals
from store.records import Records
from streams.publisher import Publisher
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, grant_for, grant_id, open_office, public
from tests.harness.workers import dangan

pytestmark = pytest.mark.flow

_RULES = """
[approval]
archive_creation = []
destroy = []
update = ["director"]
[correction]
approval_required = true
paper_in_step = true
"""


@dataclass
class Site:
    """The office with the people whom corrections need."""

    office: Office
    policies: Path
    bank: PrincipalKeys  # collects, tells of transactions, reads everything
    clerk: PrincipalKeys  # may do nothing but propose
    director: PrincipalKeys
    custodian: PrincipalKeys
    auditor: PrincipalKeys  # reads the past


async def _open(stack: Stack, policies: Path) -> Site:
    office = await open_office(stack.settings)
    names = {
        "sys:bank": ("collector", "editor", "reader", "source-new_transaction"),
        "person:clerk": ("visitor",),
        "person:director": ("director",),
        "person:custodian": ("custodian",),
        "person:auditor": ("reader",),
    }
    keys = {name: PrincipalKeys.generate(name) for name in names}
    now = int(time.time())
    async with desk(stack.settings) as at:
        for name, roles in names.items():
            level = Level.BASIC if name == "person:clerk" else Level.CORE
            person = name.startswith("person")
            await register(at, public(keys[name]), roles=roles, department="d", clearance=level, person=person, now=now)
        await give(at, grant_for("sys:bank", now))
        await give(at, grant_for("person:auditor", now, history=True))
    return Site(office, policies, *keys.values())


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker under strict rules, and the office."""
    policies = tmp_path_factory.mktemp("strict") / "policies"
    shutil.copytree(str(files("policies")), policies)
    rules = policies / "profiles" / "trial" / "rules.toml"
    tables = rules.read_text("utf-8").split("\n[")
    kept = "\n[".join(table for table in tables if not table.startswith(("approval]", "correction]")))
    rules.write_text(kept + _RULES, "utf-8")
    opened_site = asyncio.run(_open(stack, policies))
    log = stack.home / "strict.log"
    process = dangan(stack.home, "worker", "--name", "strict", "--policies", str(policies), log=log)
    try:
        deadline = time.monotonic() + 40
        while not (log.exists() and b'"worker_started"' in log.read_bytes()):
            assert process.poll() is None, log.read_text("utf-8")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield opened_site
    finally:
        process.terminate()
        process.wait(20)


async def collected(archive: Publisher, **intake: Any) -> str:
    record = f"rec-{uuid.uuid4()}"
    parts = {"record": record, "subject": f"sub-{uuid.uuid4()}", "purpose": PURPOSE, "legal_basis": "contract"}
    fields = {"city": "Suzhou", "transaction_count": 0}
    parts |= {"intake": intake} if intake else {}
    result = await (await archive.publish("collect", {**parts, "fields": fields}))
    assert result.status == "accepted", result
    return record


async def read(archive: Publisher, who: PrincipalKeys, record: str, *fields: str, **past: Any) -> Result:
    asked = {"grant": grant_id(who.principal), "purpose": PURPOSE, "fields": fields}
    return await (await archive.access(record=record, **asked, **past))


async def propose(archive: Publisher, record: str, by_subject: bool = False) -> str:
    parts = {"record": record, "reason": "the customer called", "evidence": "call-5", "fields": {"city": "Wuxi"}}
    receipt = await archive.publish("propose", {**parts, "by_subject": by_subject})
    assert (await receipt).status == "accepted"
    return receipt.command_id


async def decide(site: Site, archive: Publisher, record: str, proposal: str, verdict: str = "approved") -> Result:
    members = {"record": record, "proposal": proposal, "verdict": verdict, "reason": "seen"}
    name = str(uuid.uuid4())
    command = Decide.model_validate({"id": name, "type": "decide", "approvals": (), **members})
    token = sign_approval(command, site.custodian.principal, site.director, now=int(time.time()))
    return await (await archive.publish("decide", {**members, "approvals": [token]}, name))


async def run_cli(site: Site, *arguments: str, home: bool = True) -> str:
    where = ["--home", str(site.office.settings.home)] if home else []
    result = await asyncio.to_thread(
        CliRunner().invoke, build("correction"), ["correction", *arguments, *where], env={"COLUMNS": "300"}
    )
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.clause("UPD-02", "UPD-03", "UPD-07")
async def test_eight_senders_correct_one_record_and_no_update_is_lost(site: Site) -> None:
    conflicts: list[str] = []
    async with site.office.publisher(site.bank, linger=0.0) as first:
        record = await collected(first)

        async def sender(times: int) -> list[int]:
            """Count up, each time from what was read: a lost update would be a number too few."""
            made = []
            async with site.office.publisher(site.bank, linger=0.0) as archive:
                seen = await read(archive, site.bank, record, "transaction_count")
                while len(made) < times:
                    assert seen.values is not None
                    count = int(str(seen.values["transaction_count"])) + 1
                    parts = {"from_version": seen.version, "reason": "a sale", "evidence": "till-1"}
                    parts |= {"event": "new_transaction", "fields": {"transaction_count": count}}
                    result = await (await archive.publish("update", {"record": record, **parts}))
                    if result.status == "accepted":
                        made.append(result.version or 0)
                    else:
                        assert result.code == "DG-UPD-002", result
                        told = int((result.message or "").rpartition("current version ")[2].rstrip(")"))
                        assert told > (seen.version or 0)
                        conflicts.append(record)
                    # What is read after the answer is never the value from before it (UPD-06).
                    seen = await read(archive, site.bank, record, "transaction_count")
                    assert (seen.version or 0) >= max(made, default=1)
            return made

        versions = await asyncio.gather(*(sender(2) for _ in range(8)))
        final = await read(first, site.bank, record, "transaction_count")
    assert sorted(version for made in versions for version in made) == list(range(2, 18))
    assert (final.version, final.values) == (17, {"transaction_count": 16})
    assert conflicts, "they did not meet"


@pytest.mark.clause("UPD-01", "UPD-02", "UPD-03", "UPD-04", "UPD-05", "UPD-06")
async def test_a_correction_from_proposal_to_paper(site: Site) -> None:
    async with (
        site.office.publisher(site.bank, linger=0.0) as bank,
        site.office.publisher(site.clerk, linger=0.0) as clerk,
        site.office.publisher(site.custodian, linger=0.0) as custodian,
        site.office.publisher(site.auditor, linger=0.0) as auditor,
    ):
        record = await collected(bank, paper="box-7")
        direct = await (
            await bank.update(record=record, from_version=1, reason="r", evidence="e-1", fields={"city": "Wuxi"})
        )
        assert direct.code == "DG-UPD-010"
        proposal = await propose(clerk, record)
        assert (await read(clerk, site.clerk, record, "city")).status == "refused", "proposing gives no right to read"
        listed = await run_cli(site, "list")
        assert record in listed
        assert "Wuxi" not in listed
        shown = await read(auditor, site.auditor, record, "city", proposal=proposal)
        assert (shown.values or {})["city"] == "Wuxi", "who approves sees what"
        assert (await read(bank, site.bank, record, "city", proposal=proposal)).code == "DG-COR-005"
        assert (await decide(site, custodian, record, proposal)).version == 2
        now = await read(bank, site.bank, record, "city")
        assert (now.version, now.values) == (2, {"city": "Wuxi"})
        before = await read(auditor, site.auditor, record, "city", version=1)
        assert (before.version, before.values) == (1, {"city": "Suzhou"})
        assert (await read(auditor, site.auditor, record, "city", version=3)).code == "DG-COR-006"
        assert (await read(bank, site.bank, record, "city", version=1)).code == "DG-COR-005"
        versions = (await read(auditor, site.auditor, record, "city", versions=True)).values
    assert versions is not None
    told: Any = versions["_versions"]
    assert [entry["version"] for entry in told] == [1, 2]
    assert told[1]["by"] == "person:custodian"
    assert (told[1]["proposed_by"], told[1]["approved_by"]) == ("person:clerk", ["person:director"])
    assert (told[1]["fields"], told[1]["evidence"], told[1]["reason"]) == (["city"], "call-5", "the customer called")
    async with desk(site.office.settings, operator="person:custodian") as at:
        await _notices_and_paper(at, record)
    events = [
        each for each in await audit_events(site.office.settings) if each["unmapped"]["dangan"].get("record") == record
    ]
    done = {(own["action"], own.get("verb"), own.get("version")) for e in events if (own := e["unmapped"]["dangan"])}
    assert {("propose", None, None), ("update", None, 2), ("access", None, 1), ("correction", "paper", 2)} <= done
    # By its action: the paper's event is an Update of version 2 too, and may come first.
    update = next(e for e in events if e["unmapped"]["dangan"]["action"] == "update" and e["status"] == "Success")
    assert update["actor"]["user"]["uid"] == "person:custodian"
    assert update["unmapped"]["dangan"]["approvers"] == ["person:director"]


async def _notices_and_paper(at: Desk, record: str) -> None:
    for reader in ("sys:bank", "person:auditor"):
        found = [each for each in await corrections.notices(at, reader, seen=True) if each.record == record]
        assert [(each.version, each.fields) for each in found] == [(2, ("city",))]
        assert not await corrections.notices(at, reader, seen=False), "what was seen is not told again"
    papers = await corrections.Revisions(at.database).open_papers()
    assert [(each.paper, each.version) for each in papers if each.record == record] == [("box-7", 2)]
    await corrections.confirm_paper(at, record, 2)
    assert record not in {each.record for each in await corrections.Revisions(at.database).open_papers()}
    with pytest.raises(DanganError, match="DG-COR-009"):
        await corrections.confirm_paper(at, record, 2)


@pytest.mark.clause("UPD-01")
async def test_a_data_subjects_request_is_overdue_after_its_working_days_and_that_is_audited_once(site: Site) -> None:
    async with (
        site.office.publisher(site.bank, linger=0.0) as bank,
        site.office.publisher(site.clerk, linger=0.0) as clerk,
    ):
        record = await collected(bank)
        proposal = await propose(clerk, record, by_subject=True)
        other = await propose(clerk, record)
    async with desk(site.office.settings) as at:

        async def looked(days: int) -> dict[str, corrections.Waiting]:
            found = await corrections.waiting(at, RuleBook(), now=time.time() + 86400 * days)
            return {each.proposal.id: each for each in found}

        assert not (await looked(14))[proposal].overdue
        late = await looked(60)
        assert (late[proposal].overdue, late[proposal].age) == (True, 60)
        assert (late[other].overdue, late[other].due) == (False, None)
        await looked(61)
    told = [e["unmapped"]["dangan"] for e in await audit_events(site.office.settings)]
    assert [own["command"] for own in told if own.get("verb") == "overdue"] == [proposal]


@pytest.mark.clause("UPD-08", "UPD-09")
async def test_records_past_their_interval_are_listed_until_they_are_seen_to(site: Site) -> None:
    async with site.office.publisher(site.bank, linger=0.0) as bank:
        one, other = await collected(bank), await collected(bank)
    book, day = RuleBook(), 86400
    async with desk(site.office.settings, operator="person:custodian") as at:
        now = time.time()
        assert not await corrections.not_validated(at, book, now=now + 300 * day)
        listed = {each.record for each in await corrections.not_validated(at, book, now=now + 380 * day)}
        assert {one, other} <= listed
        await at.database["records"].update_one({"_id": one}, {"$set": {"at": int((now - 400 * day) * 1000)}})
        assert [each.record for each in await corrections.not_validated(at, book, now=now)] == [one]
        assert [each.record for each in await corrections.not_revised(at, book, now=now)] == [one]
        await corrections.note(at, "validated", [one])
        assert not await corrections.not_validated(at, book, now=now)
        assert [each.record for each in await corrections.not_revised(at, book, now=now)] == [one]
        await corrections.note(at, "revised", [one])
        assert not await corrections.not_revised(at, book, now=now)
        with pytest.raises(DanganError, match="DG-COR-011"):
            await corrections.note(at, "revised", [other, "rec-none"])
        await corrections.watch(at, one, "lost", "analysis-4")
        watched = await corrections.Revisions(at.database).watched()
        assert [(each.record, each.cause, each.note, each.by) for each in watched] == [
            (one, "lost", "analysis-4", "person:custodian")
        ]
        await corrections.unwatch(at, one)
        assert not await corrections.Revisions(at.database).watched()


@pytest.mark.clause("UPD-01", "UPD-05", "UPD-06", "UPD-08", "UPD-09")
async def test_the_commands_say_what_they_did(site: Site, tmp_path: Path) -> None:
    def acting(who: PrincipalKeys) -> tuple[str, str]:
        file = tmp_path / who.principal
        file.write_text(dump_keys(who, None), "utf-8")
        file.chmod(0o600)
        return "--as", str(file)

    custodian, clerk = acting(site.custodian), acting(site.clerk)
    async with site.office.publisher(site.bank, linger=0.0) as bank:
        record = await collected(bank, paper="box-9", custodian=site.custodian.principal)
    file, request, approval = tmp_path / "proposal.json", tmp_path / "request.json", tmp_path / "approval"
    file.write_text(json.dumps({"record": record, "reason": "r", "evidence": "call-6", "fields": {"city": "Wuxi"}}))
    said = await run_cli(site, "propose", str(file), *clerk)
    assert said == await run_cli(site, "propose", str(file), *clerk), "sending it again is harmless"
    proposal = said.split()[-1]
    decision = ("--verdict", "approved", "--reason", "seen", "--out", str(request))
    assert "dangan approve" in await run_cli(site, "prepare", record, proposal, *decision, home=False)
    signed = sign_approval(read_request(request), site.custodian.principal, site.director, now=int(time.time()))
    approval.write_text(signed, "ascii")
    sent = ("send", str(request), "--approval", str(approval), *custodian)
    assert f"{record}: version 2" in await run_cli(site, *sent)
    assert f"{record}: version 2" in await run_cli(site, *sent)
    assert record not in await run_cli(site, "notices", *custodian), "who made the update knows of it"
    assert "box-9" in await run_cli(site, "paper")
    assert "says version 2" in await run_cli(site, "paper", record, "--version", "2", "--done", *custodian)
    assert "would be noted" in await run_cli(site, "validated", record, "--dry-run", *custodian)
    assert await run_cli(site, "validated", record, *custodian) == f"validated: {record}\n"
    assert record in await run_cli(site, "watch", record, "--cause", "growing", "--note-ref", "analysis-9", *custodian)
    assert "analysis-9" in await run_cli(site, "watchlist")
    assert record not in await run_cli(site, "revalidation")
    with pytest.raises(AssertionError, match="DG-OPS-060"):
        await run_cli(site, "revised", record, *clerk)


@pytest.mark.clause("UPD-01")
async def test_a_proposal_dies_with_its_record(site: Site) -> None:
    settings = site.office.settings
    async with (
        site.office.publisher(site.bank, linger=0.0) as bank,
        site.office.publisher(site.clerk, linger=0.0) as clerk,
        site.office.publisher(site.office.archivist, linger=0.0) as archivist,
        desk(settings) as at,
        transit_of(settings, private(settings.token_file("worker"))) as transit,
        KeyRing(transit, Pages(at.database)) as ring,
    ):
        record = await collected(bank)
        parts = {"record": record, "reason": "r", "evidence": "call-5", "fields": {"phone": "13800138000"}}
        name = (receipt := await clerk.publish("propose", parts)).command_id
        await receipt
        keys = (await Records(at.database).keys_of([record]))[record]
        assert keys.keys() == {Level.BASIC, Level.SENSITIVE}, "the proposal's key is the record's"
        proposal = await Proposals(at.database).get(name)
        assert proposal is not None
        assert opened(proposal, (await ring.open({record: keys}))[record]) == {"phone": b'"+8613800138000"'}
        assert (await (await archivist.destroy(**site.office.destroy_parts([record], "asked")))).status == "accepted"
        with pytest.raises(DanganError, match="DG-KEY-005"):
            await ring.open({record: keys})
        left = await Proposals(at.database).get(name)
        assert left is not None
        assert (left.values, left.reason) == (None, None)
