"""``dangan duplicates`` and ``dangan merge`` on the whole path: sealed commands, a worker, the audit stream, the files."""

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

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.cli import build
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import register
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from tests.harness.aftermath import audit_events
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_id, open_office, public
from tests.harness.workers import dangan

pytestmark = [pytest.mark.flow, pytest.mark.clause("ARR-13")]

STAFF = {"keeper": ("custodian",), "director": ("director",), "archivist": ("archivist",)}


@dataclass
class Site:
    """An archive whose worker wants one archive for each customer."""

    office: Office
    folder: Path
    staff: dict[str, PrincipalKeys]

    def run(self, *words: str, home: bool = True) -> str:
        """Type a command; return what it printed, or raise the error that would be told."""
        where = ("--home", str(self.office.settings.home)) if home else ()
        result = CliRunner().invoke(build(words[0]), [*words, *where], env={"COLUMNS": "200"})
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def key(self, who: str) -> str:
        """A person's key file."""
        return str(self.folder / f"{who}.key.json")

    def merge(self, record: str, duplicate: str, *options: str) -> tuple[str, ...]:
        """Prepare a request and have it signed: the words of the command that sends it."""
        request = self.folder / f"{uuid.uuid4()}.json"
        self.run("merge", "prepare", record, duplicate, "--reason", "one customer", "--out", str(request), *options)
        words = ["merge", "send", str(request), "--as", self.key("archivist")]
        for who in ("keeper", "director"):
            file = self.folder / f"{uuid.uuid4()}.jws"
            requester = self.staff["archivist"].principal
            signed = self.run("approve", str(request), "--requester", requester, "--key", self.key(who), home=False)
            file.write_text(signed)
            words += ["--approval", str(file)]
        return tuple(words)

    async def ask(self, kind: str, parts: dict[str, Any]) -> Result:
        """Send one command as the CRM system, and wait for the answer."""
        async with self.office.publisher() as archive:
            return await (await archive.publish(kind, parts))

    def collect(self, record: str, number: int, *names: str) -> Result:
        fields = {name: customer(number)[name] for name in names}
        parts = {"record": record, "subject": f"sub-{record}", "purpose": PURPOSE, "legal_basis": "contract"}
        return asyncio.run(self.ask("collect", {**parts, "fields": fields}))

    def read(self, record: str, *names: str) -> Result:
        parts = {"record": record, "grant": grant_id(self.office.crm.principal), "purpose": PURPOSE, "fields": names}
        return asyncio.run(self.ask("access", parts))


async def _open(stack: Stack, folder: Path) -> Site:
    office = await open_office(stack.settings)
    staff = {name: PrincipalKeys.generate(f"person:{name}") for name in STAFF}
    async with desk(stack.settings) as at:
        for name, keys in staff.items():
            write_private(folder / f"{name}.key.json", dump_keys(keys, None))
            about: dict[str, Any] = {"department": "archive", "clearance": Level.CORE, "person": True}
            await register(at, public(keys), roles=STAFF[name], now=int(time.time()), **about)
    return Site(office, folder, staff)


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The office, and a worker that wants one archive for each customer."""
    folder = tmp_path_factory.mktemp("duplicates")
    policies = folder / "policies"
    shutil.copytree(str(files("policies")), policies)
    rules = policies / "profiles" / "trial" / "rules.toml"
    rules.write_text(
        rules.read_text("utf-8").replace("[identity]\nunique = false", "[identity]\nunique = true"), "utf-8"
    )
    opened = asyncio.run(_open(stack, folder))
    log = stack.home / "merging.log"
    process = dangan(stack.home, "worker", "--name", "merging", "--policies", str(policies), log=log)
    try:
        deadline = time.monotonic() + 40
        while not (log.exists() and b'"worker_started"' in log.read_bytes()):
            assert process.poll() is None, log.read_text("utf-8")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield opened
    finally:
        process.terminate()
        process.wait(20)


def test_from_a_duplicate_to_one_archive_and_back(site: Site) -> None:
    assert site.collect("rec-a", 5, "id_number", "name").of is None
    told = site.collect("rec-b", 5, "id_number", "phone")
    assert (told.status, told.code, told.of) == ("accepted", "DG-MRG-001", "rec-a")
    (waiting,) = json.loads(site.run("duplicates", "list", "--json"))
    assert (waiting["record"], waiting["of"], waiting["of_version"]) == ("rec-b", "rec-a", 1)
    assert "rec-b" in site.run("duplicates", "list")
    assert site.read("rec-b", "phone").code == "DG-ACC-008"

    words = site.merge("rec-a", "rec-b")
    assert "rec-b joins rec-a" in site.run(*words, "--dry-run")
    assert json.loads(site.run("duplicates", "list", "--json")) != []
    assert "rec-a is at version 2" in site.run(*words)
    assert "rec-a is at version 2" in site.run(*words)  # again is harmless
    assert json.loads(site.run("duplicates", "list", "--json")) == []
    shown = json.loads(site.run("duplicates", "show", "rec-a", "--json"))
    assert (shown["parts"], shown["version"]) == (["rec-b"], 2)
    assert [(link["kind"], link["with_record"]) for link in shown["links"]] == [("merge", "rec-b")]
    assert shown["links"][0]["signed"] == [site.staff["keeper"].principal, site.staff["director"].principal]
    part = site.run("duplicates", "show", "rec-b")
    assert all(each in part for each in ("part of: rec-a", "stage: merged", "came as a duplicate of: rec-a"))
    assert site.read("rec-a", "name", "phone").values == {name: customer(5)[name] for name in ("name", "phone")}

    with pytest.raises(DanganError) as stale:
        site.run(*site.merge("rec-b", "rec-a"))
    assert stale.value.code == "DG-MRG-007"
    site.run(*site.merge("rec-a", "rec-b", "--undo"))
    assert site.read("rec-a", "phone").values == {}
    (waiting,) = json.loads(site.run("duplicates", "list", "--json"))
    assert (waiting["record"], waiting["version"], waiting["of_version"]) == ("rec-b", 3, 3)


def test_merges_stand_in_the_audit_stream_by_record_and_signer(site: Site) -> None:
    site.collect("rec-c", 6, "id_number", "name")
    site.collect("rec-d", 6, "id_number", "phone")
    site.run(*site.merge("rec-c", "rec-d"))
    site.read("rec-c", "phone")
    events = [each["unmapped"]["dangan"] for each in asyncio.run(audit_events(site.office.settings))]
    merged = [each for each in events if each["action"] == "merge" and each.get("record") in ("rec-c", "rec-d")]
    assert sorted(each["record"] for each in merged) == ["rec-c", "rec-d"]
    signers = [site.staff["keeper"].principal, site.staff["director"].principal]
    assert all(each["approvers"] == signers for each in merged)
    opened = [each["record"] for each in events if each["action"] == "access" and each.get("fields") == ["phone"]]
    assert {"rec-c", "rec-d"} <= set(opened)


def test_a_destruction_request_names_parts_and_waiting_duplicates_by_itself(site: Site) -> None:
    site.collect("rec-e", 7, "id_number", "name")
    site.collect("rec-f", 7, "id_number", "phone")
    site.collect("rec-g", 7, "id_number", "city")
    site.run(*site.merge("rec-e", "rec-f"))
    parts = site.office.destroy_parts(["rec-e"], "the customer asked")

    async def destroy(parts: dict[str, Any]) -> Result:
        async with site.office.publisher(site.office.archivist) as archive:
            return await (await archive.destroy(**parts))

    refused = asyncio.run(destroy(parts))
    assert (refused.code, "rec-f, rec-g" in (refused.message or "")) == ("DG-MRG-005", True)
    out = site.folder / "destroy.json"
    told = site.run(
        "destroy", "prepare", "rec-e", "--ground", "subject_request", "--reason", "asked", "--out", str(out)
    )
    assert all(f"added: {name}" in told for name in ("rec-f", "rec-g"))
    named = json.loads(out.read_text("utf-8"))["records"]
    assert named == ["rec-e", "rec-f", "rec-g"]
    assert asyncio.run(destroy(site.office.destroy_parts(named, "the customer asked"))).status == "accepted"
    assert {site.read(name, "name").code for name in named} == {"DG-ACC-007"}
    with pytest.raises(DanganError) as gone:
        site.run("duplicates", "show", "rec-f")
    assert gone.value.code == "DG-MRG-002"


def test_a_request_that_is_none_is_not_sent(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    for text in ("[]", '{"type": "destroy"}', '{"type": "merge", "record": "rec-a"}', "x"):
        file.write_text(text)
        with pytest.raises(DanganError) as error:
            site.run("merge", "send", str(file), "--as", site.key("archivist"))
        assert error.value.code == "DG-OPS-035"


def test_without_an_installation_a_destruction_request_says_that_nobody_was_asked(tmp_path: Path) -> None:
    words = (
        "destroy",
        "prepare",
        "rec-e",
        "--ground",
        "expired",
        "--reason",
        "over",
        "--out",
        str(tmp_path / "r.json"),
    )
    result = CliRunner().invoke(build(words[0]), [*words, "--home", str(tmp_path / "none")])
    assert result.exit_code == 0
    assert "was not asked" in result.stdout
