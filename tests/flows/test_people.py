"""People on the real services under the strict table of people: applied for, approved, reviewed, rotated, handed over."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import policies
from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.commands import admin, approve, detect
from ops.commands import keys as keys_commands
from ops.config import write_settings
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import give
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.replies import Result
from store.database import connect
from store.intake_notes import IntakeNotes
from store.people import Held, PeopleDocuments
from store.principals import Principals
from tests.harness.aftermath import audit_events
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_for, grant_id, open_office, public
from tests.harness.workers import dangan

pytestmark = pytest.mark.flow

NDA = ("--agreement", "nda-2026-1", "--agreement-until", "2099-12-31")


@dataclass
class Site:
    """An archive with the strict table of people, otherwise as on trial."""

    stack: Stack
    office: Office
    folder: Path
    staff: dict[str, PrincipalKeys] = field(default_factory=dict)

    def person(self, name: str) -> PrincipalKeys:
        """A person's keys, with a key file and its public part; the same again for the same name."""
        if name not in self.staff:
            keys = self.staff[name] = PrincipalKeys.generate(f"person:{name}")
            write_private(self.folder / f"{name}.key.json", dump_keys(keys, None))
            (self.folder / f"{name}.pub").write_text(json.dumps(keys.public()))
        return self.staff[name]

    def key(self, name: str) -> str:
        self.person(name)
        return str(self.folder / f"{name}.key.json")

    def run(self, *words: str, home: bool = True) -> str:
        result = self.tried(*words, home=home)
        assert result.exit_code == 0, (words, result.output, result.exception)
        return str(result.stdout)

    def code(self, *words: str) -> str:
        """The code with which the command ends."""
        return str(getattr(self.tried(*words).exception, "code", None))

    def tried(self, *words: str, home: bool = True) -> Any:
        app = typer.Typer()
        for module in (admin, approve, detect, keys_commands):
            module.register(app)
        return CliRunner().invoke(app, [*words, *(("--home", str(self.stack.home)) if home else ())])

    def principal(self, *words: str) -> str:
        return self.run("admin", "principal", *words, "--as", self.key("boss"))

    def refused(self, code: str, *words: str) -> None:
        assert self.code("admin", "principal", *words, "--as", self.key("boss")) == code

    def approvals(self, request: Path, *by: str, action: str | None = None, requester: str = "boss") -> list[str]:
        """``--approval FILE`` for each signer."""
        options = []
        for who in by:
            said = ("--action", action) if action else ()
            words = ("approve", str(request), "--requester", f"person:{requester}", "--key", self.key(who), *said)
            file = self.folder / f"{uuid.uuid4()}.jws"
            file.write_text(self.run(*words, home=False))
            options += ["--approval", str(file)]
        return options

    def applied(self, name: str, *more: str) -> Path:
        """An application for a person."""
        self.person(name)
        out = self.folder / f"{uuid.uuid4()}.json"
        pub = str(self.folder / f"{name}.pub")
        self.run("admin", "principal", "apply", pub, "--person", "--reason", "joins", "--out", str(out), *more)
        return out

    def hire(self, name: str, *more: str) -> None:
        """A person, applied for and approved."""
        request = self.applied(name, *NDA, *more)
        self.principal("add", "--request", str(request), *self.approvals(request, "head", "security"))

    def look(self, name: str) -> Principal:
        async def find() -> Principal | None:
            async with connect(self.stack.settings.mongo_uri.get_secret_value(), "dangan") as database:
                return await Principals(database).get(f"person:{name}")

        found = asyncio.run(find())
        assert found is not None
        return found

    def ask(self, kind: str, parts: dict[str, Any], who: PrincipalKeys | None = None, **more: Any) -> Result:
        async def once() -> Result:
            async with self.office.publisher(who, **more) as archive:
                return await (await archive.publish(kind, parts))

        return asyncio.run(once())

    def read(self, record: str, who: PrincipalKeys, **more: Any) -> str | None:
        """The code of a read's answer, None for a good one."""
        grant = grant_id(who.principal)
        parts = {"record": record, "grant": grant, "purpose": PURPOSE, "fields": ["name"]}
        return self.ask("access", parts, who, **more).code

    def granted(self, who: PrincipalKeys) -> None:
        async def act() -> None:
            async with desk(self.stack.settings) as at:
                await give(at, grant_for(who.principal, int(time.time())))

        asyncio.run(act())

    def collected(self, custodian: str | None = None) -> str:
        record = f"rec-{uuid.uuid4().hex[:12]}"
        parts = {
            "record": record, "subject": f"sub-{record}", "purpose": PURPOSE, "legal_basis": "contract",
            "fields": customer(7),
        }  # fmt: skip
        assert self.ask("collect", parts).status == "accepted"

        async def keep() -> None:
            async with connect(self.stack.settings.mongo_uri.get_secret_value(), "dangan") as database:
                await IntakeNotes(database).assign(record, f"person:{custodian}")

        if custodian:
            asyncio.run(keep())
        return record

    def events(self, verb: str, record: str) -> list[dict[str, Any]]:
        """What the audit stream tells of an operator's act."""
        found = asyncio.run(audit_events(self.stack.settings))
        own = [event["unmapped"]["dangan"] | {"by": event["actor"]["user"].get("uid")} for event in found]
        return [each for each in own if each.get("verb") == verb and each.get("record") == record]


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("people")
    shutil.copytree(Path(str(policies.__file__)).parent, folder / "policies")
    trial = (folder / "policies" / "profiles" / "trial" / "rules.toml").read_text("utf-8")
    others = [part for part in re.split(r"(?m)^(?=\[)", trial) if not part.startswith("[people]")]
    rules = folder / "policies" / "rules.toml"
    shipped = [part for part in re.split(r"(?m)^(?=\[)", rules.read_text("utf-8")) if not part.startswith("[use.")]
    rules.write_text("".join(shipped) + "\n" + "".join(others), encoding="utf-8")
    office = asyncio.run(open_office(stack.settings))
    write_settings(stack.home, {"profile": ""})
    made = Site(stack, office, folder)
    made.person("boss")
    boss = str(folder / "boss.pub")
    made.run("admin", "principal", "add", boss, "--role", "administrator", "--person")
    for name, role in (("head", "unit_head"), ("security", "security_officer")):
        made.person(name)
        made.principal("add", str(folder / f"{name}.pub"), "--role", role, "--person", *NDA)
    log = folder / "worker.log"
    process = dangan(stack.home, "worker", "--name", "people", "--policies", str(folder / "policies"), log=log)
    try:
        deadline = time.monotonic() + 40
        while b'"worker_started"' not in log.read_bytes():
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, "the worker is not up"
            time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(site: Site, record: str, who: PrincipalKeys, code: str | None) -> None:
    """Wait until reads end like that: the directory is read again within five seconds."""
    deadline = time.monotonic() + 8
    while (found := site.read(record, who)) != code:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def answered(site: Site, record: str, who: PrincipalKeys) -> bool:
    """Whether a read is answered at all: nobody is who signs with a key that is unknown or revoked."""
    try:
        site.read(record, who, reply_timeout=1.5)
    except DanganError as error:
        assert error.code == "DG-WIR-020"
        return False
    return True


@pytest.mark.clause("SEC-02", "SEC-04", "SEC-05", "SEC-06", "SEC-09")
def test_permissions_are_applied_for_approved_used_reviewed_and_end(site: Site) -> None:
    teller, record = site.person("teller"), site.collected()
    pub = str(site.folder / "teller.pub")
    reader = ("--role", "reader", "--clearance", "sensitive")
    site.refused("DG-SEC-001", "add", pub, *reader, "--person", *NDA)  # a direct grant
    site.person("head2")
    site.refused("DG-SEC-001", "add", str(site.folder / "head2.pub"), "--role", "unit_head", "--person", *NDA)
    out = ("--reason", "joins", "--out", str(site.folder / "never.json"), "--home", str(site.stack.home))
    for more, code in (
        (reader, "DG-SEC-008"),
        ((*reader, *NDA, "--role", "administrator"), "DG-OPS-032"),
        (("--role", "collector", "--role", "reviewer", *NDA), "DG-SEC-011"),
        (("--role", "steward", *NDA), "DG-SEC-010"),
    ):
        got = site.tried("admin", "principal", "apply", pub, "--person", *more, *out, home=False)
        assert getattr(got.exception, "code", None) == code
    assert not (site.folder / "never.json").exists()

    request = site.applied("teller", *reader, *NDA)
    carry = ("add", "--request", str(request))
    head, security = site.approvals(request, "head"), site.approvals(request, "security")
    site.refused("DG-SEC-001", *carry)
    site.refused("DG-SEC-007", *carry, *head)
    site.refused("DG-SEC-007", *carry, *head, *head)  # one person twice
    site.refused("DG-SEC-003", *carry, *head, *site.approvals(request, "boss"))
    site.refused("DG-SEC-004", *carry, *head, *site.approvals(request, "security", requester="head"))
    site.refused("DG-SEC-002", *carry, *head, *site.approvals(request, "head2"))  # registered nowhere
    wider = site.folder / "wider.json"
    wider.write_text(request.read_text().replace("sensitive", "core"))
    site.refused("DG-SEC-004", "add", "--request", str(wider), *head, *security)
    with pytest.raises(AssertionError):
        site.look("teller")
    for _again in range(2):
        site.principal(*carry, *head, *security)
    assert [(each["approvers"], each["by"]) for each in site.events("register", teller.principal)] == [
        (["person:head", "person:security"], "person:boss")
    ]

    assert site.read(record, teller) == "DG-ACC-001"  # registered, and not permitted to read this
    site.granted(teller)
    assert site.read(record, teller) is None
    assert site.look("teller").lapses_at is not None

    site.hire("auditor", "--role", "auditor")
    site.hire("idle", "--role", "reader")
    listed = json.loads(site.run("admin", "review", "list", "--all", "--json"))
    assert {"person:teller", "person:boss"} <= {line["principal"] for line in listed}
    assert next(line for line in listed if line["principal"] == teller.principal)["last_used"] is not None
    sign = ("admin", "review", "sign", "--key")
    assert site.code(*sign, site.key("teller")) == "DG-OPS-060"
    assert site.code(*sign, site.key("auditor"), "--principal", "person:auditor") == "DG-SEC-020"
    both = ("--principal", "person:idle", "--end", teller.principal)
    site.run(*sign, site.key("auditor"), *both, "--dry-run")
    assert site.read(record, teller) is None
    site.run(*sign, site.key("auditor"), *both)
    until(site, record, teller, "DG-SEC-009")
    assert site.look("idle").lapses_at is not None


@pytest.mark.clause("SEC-01", "SEC-04")
def test_a_registration_that_only_the_database_knows_is_worth_nothing(site: Site) -> None:
    record, ghost = site.collected(), site.person("ghost")
    site.hire("honest", "--role", "reader", "--clearance", "core")
    honest = site.person("honest")
    site.granted(honest)

    async def write() -> None:
        async with connect(site.stack.settings.mongo_uri.get_secret_value(), "dangan") as database:
            held = await database["principals"].find_one({"_id": honest.principal})
            assert held is not None
            signing, receiving = public(ghost).valid(0, 2**40)
            for name, key in (("signing_keys", signing), ("receiving_keys", receiving)):
                held[name][0] |= {"kid": key.kid, "x": key.x}
            await database["principals"].insert_one({**held, "_id": ghost.principal})

    asyncio.run(write())
    site.granted(ghost)
    assert site.read(record, ghost) == "DG-SEC-013"
    assert site.read(record, honest) is None
    assert not answered(site, record, PrincipalKeys.generate("person:stranger"))


@pytest.mark.clause("SEC-08")
def test_keys_rotate_with_an_overlap_and_a_revoked_one_is_dead(site: Site) -> None:
    record = site.collected()
    site.hire("clerk", "--role", "reader", "--clearance", "core")
    old = site.person("clerk")
    site.granted(old)
    new_file, request = site.folder / "clerk2.key.json", site.folder / "rotate.txt"
    words = ("keys", "rotate", site.key("clerk"), "--out", str(new_file), "--request", str(request))
    site.run(*words, home=False)
    site.principal("rotate", str(request))
    new = keys_commands.read_key_file(new_file, None)
    assert [site.read(record, each) for each in (old, new)] == [None, None]
    forged = site.folder / "forged.txt"
    token = request.read_text().strip()
    forged.write_text(token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB"))
    site.refused("DG-SEC-021", "rotate", str(forged))
    site.principal("revoke", old.principal, old.signing.kid)
    deadline = time.monotonic() + 8
    while answered(site, record, old):
        assert time.monotonic() < deadline
    assert site.read(record, new) is None
    site.refused("DG-SEC-021", "rotate", str(request))
    site.refused("DG-SEC-012", "add", str(site.folder / "clerk.pub"), "--role", "reader", "--kind", "group")
    site.run("keys", "revoke", str(new_file))
    assert all(key.revoked_at is not None for key in site.look("clerk").signing_keys)


@pytest.mark.clause("SEC-08")
def test_one_credential_at_two_places_alarms(site: Site) -> None:
    record = site.collected()
    site.hire("shared", "--role", "reader", "--clearance", "core")
    shared = site.person("shared")
    site.granted(shared)
    for place in ("a1" * 16, "b2" * 16):
        assert site.read(record, shared, instance=place) is None
    alerts = [json.loads(line) for line in site.run("detect", "--since", "1h", "--dry-run", "--json").splitlines()]
    found = [one["unmapped"]["dangan"] for one in alerts]
    assert [each["key"] for each in found if each["rule"] == "credential-at-two-places"] == [shared.principal]


@pytest.mark.clause("SEC-14")
def test_nobody_leaves_before_everything_is_handed_over(site: Site) -> None:
    site.hire("leaver", "--role", "custodian", "--clearance", "core", "--department", "retail")
    site.hire("keeper", "--role", "custodian", "--clearance", "core")
    site.hire("one", "--role", "reader")
    leaver = site.person("leaver")
    site.granted(leaver)
    first = site.collected("leaver")
    away, stale, final = (site.folder / f"{name}.json" for name in ("away", "stale", "final"))
    moved = ("admin", "principal", "move", leaver.principal, "--role", "auditor", "--clearance", "basic")
    site.run(*moved, "--department", "audit", "--reason", "moves", "--out", str(away))
    site.refused("DG-SEC-014", "add", "--request", str(away), *site.approvals(away, "head", "security"))
    site.refused("DG-SEC-014", "leave", leaver.principal)

    over = ("admin", "principal", "handover", leaver.principal, "--successor", "person:keeper", "--media", "drive-17")
    site.run(*over, "--out", str(stale))
    taken = site.approvals(stale, "keeper", action="take-over")
    second = site.collected("leaver")
    leave = ("leave", leaver.principal, "--list")
    site.refused("DG-SEC-015", *leave, str(stale), *taken)  # a record came since
    site.run(*over, "--destroy", "copy-3", "--out", str(final))
    site.refused("DG-SEC-016", *leave, str(final))
    site.refused("DG-SEC-004", *leave, str(final), *taken)  # signed for another list
    taken = site.approvals(final, "keeper", action="take-over")
    site.refused("DG-SEC-017", *leave, str(final), *taken)
    site.refused("DG-SEC-017", *leave, str(final), *taken, *site.approvals(final, "one", action="approve-destroy"))
    site.refused("DG-SEC-003", *leave, str(final), *site.approvals(final, "leaver", action="take-over"))
    two = site.approvals(final, "one", "keeper", action="approve-destroy")
    assert site.look("leaver").active
    for _again in range(2):
        site.principal(*leave, str(final), *taken, *two)

    async def left() -> tuple[Held, Held, Any]:
        async with connect(site.stack.settings.mongo_uri.get_secret_value(), "dangan") as database:
            now = int(time.time())
            mine = await Held.of(database, leaver.principal, now)
            theirs = await Held.of(database, "person:keeper", now)
            return mine, theirs, await PeopleDocuments(database).of(leaver.principal)

    mine, theirs, kept = asyncio.run(left())
    assert mine == Held((), (), ())
    assert {first, second} <= set(theirs.records)
    assert not site.look("leaver").active
    assert [each["document"]["type"] for each in kept] == ["permission_change", "staff_hand_over"]
    event = site.events("leave", leaver.principal)[0]
    assert (event["reader"], event["approvers"]) == (
        "person:keeper", ["person:keeper", "person:keeper", "person:one"],
    )  # fmt: skip


@pytest.mark.clause("SEC-14")
def test_the_urgent_lock_needs_no_list_and_ends_no_custody(site: Site) -> None:
    site.hire("suspect", "--role", "custodian", "--clearance", "core")
    record = site.collected("suspect")
    site.principal("deactivate", "person:suspect")
    assert not site.look("suspect").active
    site.refused("DG-SEC-014", "leave", "person:suspect")

    async def held() -> Held:
        async with connect(site.stack.settings.mongo_uri.get_secret_value(), "dangan") as database:
            return await Held.of(database, "person:suspect", int(time.time()))

    assert asyncio.run(held()).records == (record,)
