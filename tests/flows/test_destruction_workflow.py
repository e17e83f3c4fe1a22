"""A destruction from its application to its confirmation: five people, a paper file, a certificate that tells of them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keys.certificate import certified_signatories, verify_certificate
from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.cli import build
from ops.commands.destruction import _sweep
from ops.destruction import ROOTS
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import register
from schemas.errors import DanganError
from schemas.levels import Level
from tests.harness.office import PURPOSE, Office, public

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]
TAG = uuid.uuid4().hex[:6]
RECORDS = [f"rec-{TAG}-{number}" for number in range(3)]
ROLES = {
    "applicant": ("archivist",),
    "executor": ("archivist",),
    "head": ("records_head",),
    "director": ("director",),
    "witness": ("witness",),
    "auditor": ("auditor",),
}
SCRIPT = Path(__file__).parents[2] / "docs" / "verify_certificate.py"


class Bureau:
    """The archive department at its terminal."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.keys = {role: PrincipalKeys.generate(f"person:{role}-{TAG}") for role in ROLES}
        for role, keys in self.keys.items():
            write_private(self.file(role), dump_keys(keys, None))

    def file(self, role: str) -> Path:
        return self.folder / f"{role}.key"

    async def run(self, *words: str, by: str | None = None) -> str:
        args = [*words, *(("--as", str(self.file(by))) if by else ())]
        if words[0] != "approve":
            args += ["--home", str(self.stack.home)]

        def invoke() -> str:
            result = CliRunner().invoke(build(words[0]), args, env={"COLUMNS": "300"})
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            assert result.exit_code == 0, result.output
            return result.stdout

        return await asyncio.to_thread(invoke)

    async def refused(self, *words: str, by: str) -> str:
        with pytest.raises(DanganError) as refused:
            await self.run(*words, by=by)
        return refused.value.code

    async def lines(self, *words: str, by: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(await self.run(*words, "--json", by=by))
        return found

    async def sign(self, request: Path, role: str, action: str | None = None) -> Path:
        words = ["approve", str(request), "--requester", self.keys["executor"].principal, "--key", str(self.file(role))]
        told = await self.run(*words, *(("--action", action) if action else ()))
        file = self.folder / f"{role}.sig"
        file.write_text(told.strip().splitlines()[-1])
        return file


@pytest.fixture
async def bureau(stack: Stack, office: Office, tmp_path: Path) -> Bureau:
    made = Bureau(stack, tmp_path)
    now = int(time.time())
    async with desk(office.settings) as at:
        for role, keys in made.keys.items():
            await register(
                at, public(keys), roles=ROLES[role], department="archive", clearance=Level.CORE, person=True, now=now
            )
    return made


def papers_count(folder: Path) -> Path:
    """The policies with a trial profile that keeps a job open until its papers are destroyed, as the strict rules do."""
    policies = folder / "policies"
    shutil.copytree(str(files("policies")), policies)
    rules = policies / "profiles" / "trial" / "rules.toml"
    head, _, destroy = rules.read_text("utf-8").partition("[destroy]")
    rules.write_text(f"{head}[destroy]{destroy.replace('paper_required = false', 'paper_required = true')}")
    return policies


@pytest.mark.clause("DES-01", "DES-03", "DES-04", "DES-05", "DES-06", "DES-08", "DES-09", "DES-10")
async def test_from_the_application_to_the_confirmation(office: Office, bureau: Bureau) -> None:
    async with office.publisher() as crm:
        for record in RECORDS:
            parts: dict[str, Any] = {"record": record, "subject": f"sub-{TAG}", "purpose": PURPOSE}
            intake = {"paper": f"box-{record}" if record == RECORDS[0] else "none"}
            receipt = await crm.collect(**parts, legal_basis="contract", fields={"city": "苏州"}, intake=intake)
            assert (await receipt).status == "accepted"
    request = bureau.folder / "request.json"
    names = [bureau.keys[role].principal for role in ("applicant", "witness")]
    prepare = ["destroy", "prepare", *RECORDS[:2], "--out", str(request), "--ground", "subject_request"]
    about = ["--applicant", names[0], "--witness", names[1], "--scope", "two accounts", "--basis", f"ask-{TAG}"]
    await bureau.run(*prepare, "--reason", "the customer asked", *about)
    job = json.loads(request.read_text())["id"]
    await bureau.run("destroy", "erasure", "receive", f"ask-{TAG}", "--subject", f"sub-{TAG}", by="applicant")
    await bureau.run(
        "destroy", "erasure", "receive", f"old-{TAG}", "--subject", "s-2", "--received", "2020-01-06", by="applicant"
    )
    law = ["--ground", "law", "--reference", "AML-art-34", "--until", "2031-01-01"]
    late = {line["request"]: line for line in await bureau.lines("destroy", "erasure", "list", by="applicant")}
    assert int(late[f"old-{TAG}"]["overdue days"]) > 365
    await bureau.run("destroy", "erasure", "refuse", f"old-{TAG}", *law, by="applicant")

    signed = [
        await bureau.sign(request, "applicant", "apply-destroy"),
        await bureau.sign(request, "head"),
        await bureau.sign(request, "director"),
        await bureau.sign(request, "witness", "witness-destroy"),
    ]
    send = ["destroy", "send", str(request), *(word for file in signed for word in ("--approval", str(file)))]
    shown = await bureau.run(*send, "--dry-run", by="executor")
    for place in ("live key pages", f"box-{RECORDS[0]}", "merged parts", "Kafka topics", "Vault's own snapshots"):
        assert place in shown

    need = [
        "destroy",
        "need",
        "add",
        f"need-{TAG}",
        "--record",
        RECORDS[1],
        "--reason",
        "case-7",
        "--department",
        "law",
    ]
    await bureau.run(*need, by="applicant")
    need_too_late = [*need[:3], f"late-{TAG}", *need[4:]]
    assert await bureau.refused(*send, by="executor") == "DG-DES-032"
    await bureau.run("destroy", "need", "lift", f"need-{TAG}", "--reason", "case-closed", by="applicant")
    assert await bureau.refused(*send[:-2], by="executor") == "DG-DES-026"
    assert await bureau.refused(*send, by="applicant") == "DG-DES-023"
    again = json.loads(request.read_text()) | {"id": str(uuid.uuid4())}  # a refused command's id is taken
    request.write_text(json.dumps(again))
    job = again["id"]
    for role, action in (
        ("applicant", "apply-destroy"),
        ("head", None),
        ("director", None),
        ("witness", "witness-destroy"),
    ):
        await bureau.sign(request, role, action)
    await bureau.run(*send, by="executor")
    await bureau.run(*send, by="executor")  # sent twice, done once

    jobs = ["destroy", "jobs", "--policies", str(papers_count(bureau.folder))]
    (line,) = await bureau.lines(*jobs, by="auditor")
    assert (line["records"], line["state"]) == ("2", "forgotten")
    job, sent = line["job"], job
    # What the intakes said of papers outlives the records: one has a box, the other has none.
    assert line["missing"] == f"sweep; paper result: box-{RECORDS[0]}; confirmation"
    assert await bureau.refused("destroy", "confirm", job, by="auditor") == "DG-DES-041"
    outcome = await _sweep(office.settings, tuple(ROOTS), True, False, lambda *_: None)  # type: ignore[arg-type]
    (certificate,) = outcome.certificates.values()
    for role in ("executor", "applicant"):
        assert await bureau.refused("destroy", "confirm", job, by=role) == "DG-DES-043"
    assert await bureau.refused(*need_too_late, by="applicant") == "DG-DES-044"
    begin = ["destroy", "erasure", "begin", f"ask-{TAG}", "--order"]
    assert await bureau.refused(*begin, "no-such-job", by="applicant") == "DG-DES-040"
    await bureau.run(*begin, sent, by="applicant")
    assert "2 records stand as destroyed" in await bureau.run("destroy", "confirm", job, by="auditor")
    (line,) = await bureau.lines(*jobs, by="auditor")
    assert line["missing"] == f"paper result: box-{RECORDS[0]}"
    await bureau.run("custody", "checklist", *RECORDS[:2], "--enter", by="applicant")
    shred = [
        "media",
        "destroy",
        f"box-{RECORDS[0]}",
        "--method",
        "shredded",
        "--evidence",
        "p-1",
        "--witness",
        names[1],
    ]
    await bureau.run(*shred, by="executor")
    assert await bureau.lines(*jobs, by="auditor") == []
    erasures = ["destroy", "erasure", "list", "--policies", str(bureau.folder / "policies")]
    found = {line["request"]: line["state"] for line in await bureau.lines(*erasures, by="applicant")}
    assert found == {f"ask-{TAG}": "destruction closed", f"old-{TAG}": "refused"}
    (booked,) = await bureau.lines("destroy", "register", by="auditor")
    assert {name: booked[name] for name in ("job", "scope", "applicant", "executor", "witness", "confirmed by")} == {
        "job": job, "scope": "two accounts", "applicant": names[0], "executor": bureau.keys["executor"].principal,
        "witness": names[1], "confirmed by": bureau.keys["auditor"].principal,
    }  # fmt: skip
    assert "苏州" not in json.dumps(booked, ensure_ascii=False)

    stated = verify_certificate(certificate, office.trust)
    assert [who.id for who in certified_signatories(stated).others] == names
    assert stated.application is not None
    jws, trust = bureau.folder / "c.jws", bureau.folder / "trust.json"
    jws.write_text(certificate)
    trust.write_bytes((office.settings.home / "trust.json").read_bytes())
    words = [sys.executable, "-I", str(SCRIPT), str(jws), str(trust)]
    checked = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
