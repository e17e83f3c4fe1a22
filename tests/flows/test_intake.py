"""A customer's record from collection to archive, by the commands that people type, on real services."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import policies
from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.cli import build
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import deactivate, give, register
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from store.database import connect
from tests.harness.aftermath import audit_events, drain
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_for, grant_id, open_office, public
from tests.harness.workers import dangan

pytestmark = pytest.mark.flow

#: On top of the trial profile: what this is about.
STEPS = """
[approval]
archive_creation = ["market_supervision", "sales_director"]
[handover]
required = true
[intake]
review_required = true
custodian_required = true
"""
STAFF = {
    "reviewer": ("reviewer", "reader"), "deliverer": ("deliverer",), "archivist": ("archivist",),
    "market": ("market_supervision",), "sales": ("sales_director",), "keeper": ("custodian",),
    "law": ("compliance",),
}  # fmt: skip


@dataclass
class Site:
    """An archive whose worker demands every step, its people and their key files."""

    stack: Stack
    office: Office
    folder: Path
    staff: dict[str, PrincipalKeys]

    def run(self, *words: str, home: bool = True) -> str:
        """Type a command; return what it printed.

        Raises:
            DanganError: the one that would be told.
        """
        where = ("--home", str(self.stack.home)) if home else ()
        result = CliRunner().invoke(build(words[0]), [*words, *where])
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def key(self, who: str) -> str:
        """A person's key file."""
        return str(self.folder / f"{who}.key.json")

    def refused(self, code: str, *words: str) -> None:
        """A command that must be refused with that code."""
        with pytest.raises(DanganError) as error:
            self.run(*words)
        assert error.value.code == code, error.value

    def signed(self, request: Path, *by: tuple[str, ...]) -> list[str]:
        """Options of ``intake send`` with those signatures."""
        options = []
        for who, *action in by:
            requester = ("--requester", self.staff["archivist"].principal, "--key", self.key(who))
            words = ("approve", str(request), *requester, *(("--action", action[0]) if action else ()))
            file = self.folder / f"{uuid.uuid4()}.jws"
            file.write_text(self.run(*words, home=False))
            options += ["--approval", str(file)]
        return options

    async def ask(self, kind: str, parts: dict[str, Any], who: PrincipalKeys | None = None) -> Result:
        """Send one command and wait for the answer."""
        async with self.office.publisher(who) as archive:
            return await (await archive.publish(kind, parts))

    def read(self, record: str, who: PrincipalKeys | None = None) -> str | None:
        """The code of a read's answer, None for a good one."""
        keys = who or self.office.crm
        parts = {"record": record, "grant": grant_id(keys.principal), "purpose": PURPOSE, "fields": ["name"]}
        return asyncio.run(self.ask("access", parts, keys)).code


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("intake")
    shutil.copytree(Path(str(policies.__file__)).parent, folder / "policies")
    trial = folder / "policies" / "profiles" / "trial" / "rules.toml"
    kept = re.split(r"(?m)^(?=\[)", trial.read_text("utf-8"))
    steps = re.findall(r"(?m)^\[\w+\]", STEPS)
    others = "".join(part for part in kept if not part.startswith(tuple(steps)))
    trial.write_text(f"{others}\n{STEPS}identity_check_required = false\nassessment_required = false\n", "utf-8")

    async def hire() -> tuple[Office, dict[str, PrincipalKeys]]:
        office = await open_office(stack.settings)
        staff = {name: PrincipalKeys.generate(f"person:{name}-{uuid.uuid4().hex[:6]}") for name in STAFF}
        async with desk(stack.settings) as at:
            for name, keys in staff.items():
                common = {"department": "retail", "clearance": Level.CORE, "person": True, "now": int(time.time())}
                await register(at, public(keys), roles=STAFF[name], **common)  # type: ignore[arg-type]
            await give(at, grant_for(staff["reviewer"].principal, int(time.time())))
        return office, staff

    office, staff = asyncio.run(hire())
    for name, keys in staff.items():
        write_private(folder / f"{name}.key.json", dump_keys(keys, None))
    log = folder / "worker.log"
    process = dangan(stack.home, "worker", "--name", "intake", "--policies", str(folder / "policies"), log=log)
    try:
        deadline = time.monotonic() + 40
        while b'"worker_started"' not in log.read_bytes():
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, "the worker is not up"
            time.sleep(0.1)
        yield Site(stack, office, folder, staff)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def collected(site: Site, *, happened_at: str | None = None) -> str:
    record = f"rec-{uuid.uuid4().hex[:12]}"
    intake = {"happened_at": happened_at} if happened_at else {}
    parts = {
        "record": record, "subject": f"sub-{record}", "purpose": PURPOSE, "legal_basis": "contract",
        "fields": customer(7), "intake": intake,
    }  # fmt: skip
    assert asyncio.run(site.ask("collect", parts)).status == "accepted"
    return record


@pytest.mark.clause("COL-10", "COL-11", "COL-17", "COL-18", "ARR-14", "ARR-18")
def test_a_record_becomes_an_archive_step_by_step(site: Site) -> None:
    record = collected(site)
    assert site.read(record) == "DG-ACC-008"
    assert site.read(record, site.staff["reviewer"]) is None
    as_archivist, as_reviewer = ("--as", site.key("archivist")), ("--as", site.key("reviewer"))
    request = site.folder / "over.json"
    site.run("intake", "prepare", record, "--out", str(request), "--custodian", site.staff["keeper"].principal)
    both = (("deliverer", "hand-over"), ("archivist", "take-over"))
    sides = site.signed(request, *both)
    site.refused("DG-INT-002", "intake", "send", str(request), *sides, *as_archivist)  # nobody has reviewed it

    site.run("intake", "review", record, "--returned", "--reason", "the city is doubtful", *as_reviewer)
    site.refused("DG-INT-002", "intake", "review", record, *as_reviewer)  # not answered
    assert [row["returned because"] for row in json.loads(site.run("intake", "list", "--json"))] == [
        "the city is doubtful"
    ]
    answer = {"record": record, "from_version": 1, "reason": "asked", "evidence": "note-1", "fields": {"city": "苏州"}}
    assert asyncio.run(site.ask("update", answer)).status == "accepted"
    site.refused("DG-INT-016", "intake", "review", f"{record}@1", *as_reviewer)  # what he looked at was changed
    site.run("intake", "review", f"{record}@2", *as_reviewer)

    site.refused("DG-INT-007", "intake", "send", str(request), *sides, *as_archivist)  # it lists version 1
    site.run("intake", "prepare", record, "--out", str(request), "--custodian", site.staff["keeper"].principal)
    site.refused("DG-APR-001", "intake", "send", str(request), *site.signed(request, both[0]), *as_archivist)
    sides = site.signed(request, *both)
    for _again in range(2):  # sending it twice is harmless
        site.run("intake", "send", str(request), *sides, *as_archivist)
    assert site.read(record) == "DG-ACC-008"

    shown = site.run("intake", "confirmation", json.loads(request.read_text())["id"])
    assert "档案移交确认单" in shown
    assert site.staff["deliverer"].principal in shown.replace("\n", "")

    final = site.folder / "confirm.json"
    site.run("intake", "prepare", record, "--confirm", "--out", str(final))
    posts = site.signed(final, ("market",), ("sales",))
    site.run("intake", "send", str(final), *posts, *as_archivist)
    assert site.read(record) is None
    assert json.loads(site.run("intake", "list", "--json")) == []

    events = asyncio.run(drained(site, record))
    assert [event for event in events if event in ("pass", "return", "hand_over", "confirm")] == [
        "return", "pass", "hand_over", "confirm",
    ]  # fmt: skip
    altered(site, json.loads(request.read_text())["id"])


async def drained(site: Site, record: str) -> list[str]:
    """What the audit stream says was done to the record and allowed; an event that came twice counts once."""
    await drain(site.stack.settings)
    found = {
        event["metadata"]["uid"]: event["unmapped"]["dangan"]
        for event in await audit_events(site.stack.settings)
        if event["status_id"] == 1 and event["unmapped"]["dangan"].get("record") == record
    }
    return [own["verb"] for own in found.values() if "verb" in own]


def altered(site: Site, command: str) -> None:
    """A transfer confirmation that somebody changed in the database is told from a good one."""
    settings = site.stack.settings

    async def change() -> None:
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            changed = {"$set": {"document.request.custodian": "person:other"}}
            assert (await database["intakes"].update_one({"command": command}, changed)).modified_count == 1

    asyncio.run(change())
    site.refused("DG-INT-015", "intake", "confirmation", command)


@pytest.mark.clause("COL-17")
def test_overdue_records_are_listed_and_told_of_once(site: Site) -> None:
    old, fresh = collected(site, happened_at="2026-01-05T09:00:00+08:00"), collected(site)
    options = ("--policies", str(site.folder / "policies"), "--json")
    for _day in range(2):
        listed = json.loads(site.run("intake", "overdue", *options))
        mine = [row for row in listed if row["record"] in (old, fresh)]
        assert [(row["record"], row["what"], row["last day"]) for row in mine] == [(old, "hand_over", "2026-01-19")]
    assert asyncio.run(drained(site, old)).count("overdue") == 1


@pytest.mark.clause("COL-07")
def test_an_objection_blocks_use_until_compliance_clears_it(site: Site) -> None:
    record = collected(site)
    reason, as_law = ("--reason", "the customer was pressed"), ("--as", site.key("law"))
    site.refused("DG-INT-014", "intake", "clear", record, *reason, *as_law)
    site.run("intake", "object", record, *reason, "--as", site.key("deliverer"))
    assert site.read(record, site.staff["reviewer"]) == "DG-ACC-010"
    assert record in site.run("intake", "objections", "--json")
    site.refused("DG-OPS-060", "intake", "clear", record, *reason, "--as", site.key("deliverer"))
    site.run("intake", "clear", record, *reason, *as_law)
    assert site.read(record, site.staff["reviewer"]) is None
    site.refused("DG-INT-001", "intake", "object", "rec-none", *reason, *as_law)
    site.refused("DG-COL-007", "intake", "object", record, "--reason", "call 13800138000", *as_law)


@pytest.mark.clause("ARR-18")
def test_archives_of_a_custodian_who_left_are_listed(site: Site) -> None:
    record, keeper = collected(site), site.staff["keeper"].principal
    as_archivist = ("--as", site.key("archivist"))
    site.refused("DG-INT-009", "intake", "assign", record, "--custodian", "person:nobody", *as_archivist)
    site.run("intake", "assign", record, "--custodian", keeper, *as_archivist)
    assert record not in site.run("intake", "custodians", "--json")

    async def leave() -> None:
        async with desk(site.stack.settings) as at:
            await deactivate(at, keeper, now=int(time.time()))

    asyncio.run(leave())
    listed = json.loads(site.run("intake", "custodians", "--json"))
    assert {"record": record, "custodian": keeper} in listed
