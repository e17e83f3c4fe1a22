"""Use on the real services, from the application to the return, under the strict rules of use."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from keys.roots import GRANTS_KEY
from keys.vault import transit_of
from ops.audited import desk
from ops.cli import build
from ops.commands.approve import sign_approval
from ops.delivery import this_terminal
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.reconcile.compare import Comparison
from ops.reconcile.source import told_on_topic
from ops.reconcile.vault_log import calls_in
from ops.registry import register
from ops.rules import load_rules
from ops.use.late import late
from schemas.approvals import ApprovalAction
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from schemas.use import Apply
from store.applications import Application, Applications
from store.database import connect
from store.principals import Grants
from streams.kafka import kafka_of
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, open_office, public
from tests.harness.workers import dangan
from tests.simulators.using import moment

pytestmark = pytest.mark.flow

_RULES = f"""
[approval]
archive_creation = []
update = []

[use]
purposes_by_department = {{ retail = ["{PURPOSE}"] }}
"""
STAFF = {
    "reader": ("reader",), "manager": ("client_manager",), "head": ("unit_head",), "head2": ("unit_head",),
    "dept": ("department_head",), "duty": ("reader", "emergency"),
}  # fmt: skip


@dataclass
class Site:
    """The office, and the people whom a use needs."""

    stack: Stack
    office: Office
    folder: Path
    policies: Path
    staff: dict[str, PrincipalKeys]

    def run(self, *words: str, status: int = 0, home: bool = True) -> str:
        """Type a command; return what it printed."""
        where = ("--home", str(self.stack.home)) if home else ()
        result = CliRunner().invoke(build(words[0]), [*words, *where])
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    def refused(self, code: str, *words: str) -> None:
        """A command that must be refused with that code."""
        with pytest.raises(DanganError) as error:
            self.run(*words)
        assert error.value.code == code, error.value

    def by(self, who: str) -> tuple[str, str]:
        """The option that names a person's key file."""
        return ("--as", str(self.folder / f"{who}.key.json"))

    def rules(self) -> tuple[str, str]:
        """The option that names the workers' policies."""
        return ("--policies", str(self.policies))

    def apply(self, *more: str, who: str = "reader") -> str:
        """Apply by the command line; the application's id."""
        name = str(uuid.uuid4())
        words = ("--purpose", PURPOSE, "--reason", "a loan", "--contact", "staff:17", "--id", name)
        self.run("use", "apply", *words, *more, *self.by(who))
        return name

    def sign(self, application: str, who: str) -> Path:
        """Fetch an application and sign it, as a person does; the file with the signature."""
        request, token = self.folder / f"{uuid.uuid4()}.json", self.folder / f"{uuid.uuid4()}.jws"
        self.run("use", "show", application, "--out", str(request))
        key = ("--key", str(self.folder / f"{who}.key.json"), "--action", "approve-use")
        requester = ("--requester", self.staff["reader"].principal)
        token.write_text(self.run("approve", str(request), *requester, *key, home=False), "ascii")
        return token

    def endorse(self, application: str, who: str) -> None:
        """Sign and send by the command line."""
        token = str(self.sign(application, who))
        self.run("use", "endorse", application, "--approval", token, *self.by("reader"))

    def endorsed(self, application: str, who: str, action: ApprovalAction = "approve-use") -> str | None:
        """Sign and send, without typing; the code of a refusal."""

        async def fetched() -> tuple[Apply, str]:
            settings = self.stack.settings
            async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
                known = await Applications(database).get(application)
                assert known is not None
                return Apply.model_validate(known.request), known.applicant

        request, applicant = asyncio.run(fetched())
        parts = signature(self, application, request, who, action, applicant)
        return asyncio.run(self.ask("endorse", parts, "reader" if action == "approve-use" else who)).code

    async def ask(self, kind: str, parts: dict[str, Any], who: str | None = None, name: str | None = None) -> Result:
        """Send one command and wait for the answer."""
        async with self.office.publisher(self.staff[who] if who else None) as archive:
            return await (await archive.publish(kind, parts, name))

    def read(self, record: str, grant: str, *fields: str, who: str = "reader") -> Result:
        """One read."""
        parts = {"record": record, "grant": grant, "purpose": PURPOSE, "fields": fields}
        return asyncio.run(self.ask("access", parts, who))

    def collected(self) -> str:
        """A record of the retail department."""
        record = f"rec-{uuid.uuid4().hex[:12]}"
        fields = {"name": "测试客户", "city": "Suzhou", "gender": "other"}
        parts = {"record": record, "subject": f"sub-{record}", "purpose": PURPOSE, "legal_basis": "contract"}
        assert asyncio.run(self.ask("collect", {**parts, "fields": fields})).status == "accepted"
        return record

    def events(self, grant: str) -> list[tuple[str, str, str | None]]:
        """Action, verb and code of the events about a grant, in order of time; repeated ones once."""
        found = {
            event["metadata"]["uid"]: event
            for event in asyncio.run(audit_events(self.stack.settings))
            if event["unmapped"]["dangan"].get("grant") == grant
        }
        own = sorted(found.values(), key=lambda event: event["time"])
        said = [(event["unmapped"]["dangan"], event.get("status_code")) for event in own]
        return [(each["action"], each.get("verb", ""), code) for each, code in said]


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker under the strict rules of use, everything else as in trials."""
    folder = tmp_path_factory.mktemp("use")
    shutil.copytree(str(files("policies")), folder / "policies")
    trial = folder / "policies" / "profiles" / "trial" / "rules.toml"
    parts = re.split(r"(?m)^(?=\[)", trial.read_text("utf-8"))
    trial.write_text("".join(part for part in parts if not part.startswith(("[approval]", "[use]"))) + _RULES, "utf-8")

    async def hire() -> tuple[Office, dict[str, PrincipalKeys]]:
        office = await open_office(stack.settings)
        staff = {name: PrincipalKeys.generate(f"person:{name}-{uuid.uuid4().hex[:6]}") for name in STAFF}
        async with desk(stack.settings) as at:
            for name, keys in staff.items():
                common = {"department": "retail", "clearance": Level.CORE, "person": True, "now": int(time.time())}
                await register(at, public(keys), roles=STAFF[name], **common)  # type: ignore[arg-type]
        return office, staff

    office, staff = asyncio.run(hire())
    for name, keys in staff.items():
        write_private(folder / f"{name}.key.json", dump_keys(keys, None))
    log = folder / "worker.log"
    process = dangan(stack.home, "worker", "--name", "use", "--policies", str(folder / "policies"), log=log)
    try:
        deadline = time.monotonic() + 40
        while b'"worker_started"' not in log.read_bytes():
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, "the worker is not up"
            time.sleep(0.1)
        yield Site(stack, office, folder, folder / "policies", staff)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.clause("USE-01", "USE-03", "USE-05", "USE-11", "USE-12")
def test_from_the_application_to_the_return(site: Site) -> None:
    record = site.collected()
    name = site.apply("--record", record, "--field", "name", "--field", "city", "--clear", "name")
    grant = f"use:{name}"
    assert site.read(record, grant, "city").code == "DG-ACC-001"  # an application is no grant
    site.endorse(name, "manager")
    time.sleep(1.1)  # within a second, the same person's signature is the same one
    assert site.endorsed(name, "manager") == "DG-USE-036"
    assert site.endorsed(name, "head") is None
    assert site.read(record, grant, "city").code == "DG-ACC-001"  # the second approval for a sensitive value
    assert site.endorsed(name, "dept") is None
    read = site.read(record, grant, "name")
    assert read.values == {"name": "测试客户"}
    assert site.read(record, grant, "gender").code == "DG-ACC-003"
    assert site.read(record, grant, "name", who="duty").code == "DG-ACC-001"

    site.run("use", "give-back", grant, "--usage", "read for the loan", "--copies", "1", *site.by("reader"))
    assert site.read(record, grant, "name").code == "DG-ACC-002"
    borrowed = ("use", "register", "--borrower", site.staff["reader"].principal, "--json", *site.rules())
    (loan,) = json.loads(site.run(*borrowed))
    assert (loan["standing"], loan["copies"], loan["records"]) == ("copies outstanding", 1, [record])
    last = ("--usage", "shredded", "--copies", "1", "--destroyed", "1")
    site.run("use", "give-back", grant, *last, *site.by("reader"))
    (loan,) = json.loads(site.run(*borrowed))
    assert (loan["standing"], loan["usage"], loan["purpose"]) == ("closed", "shredded", PURPOSE)
    assert loan["approved_by"] == [site.staff[who].principal for who in ("manager", "head", "dept")]
    assert loan["out"] <= loan["back"] <= time.time()
    assert site.run("use", "register", *site.rules())
    assert site.run("use", "show", name, *site.rules())

    events = site.events(grant)
    own = [event for event in events if event[0] != "access"]
    signed = ("use", "endorse", None)
    assert sorted(own, key=str) == sorted(
        [("use", "apply", None), *[signed] * 3, ("use", "endorse", "DG-USE-036"), ("grant", "give", None),
         *[("use", "give_back", None)] * 2], key=str,
    )  # fmt: skip
    assert ("access", "", None) in events


def signature(
    site: Site,
    application: str,
    request: Apply,
    who: str,
    action: ApprovalAction = "approve-use",
    applicant: str | None = None,
) -> Any:
    asked = applicant or site.staff["reader"].principal
    token = sign_approval(request, asked, site.staff[who], now=int(time.time()), action=action)
    return {"application": application, "reason": "not needed", "approvals": [token]}


def test_two_signatures_at_once_give_one_grant_and_a_repeated_one_counts_once(site: Site) -> None:
    record, name = site.collected(), str(uuid.uuid4())
    parts = {
        "records": [record], "fields": ["city"], "purpose": PURPOSE, "reason": "a loan", "contact": "staff:17",
        "not_before": moment(time.time()), "not_after": moment(time.time() + 900),
    }  # fmt: skip
    request = Apply.model_validate({**parts, "id": name, "type": "apply"})

    async def story() -> tuple[list[Result], list[Result]]:
        async with site.office.publisher(site.staff["reader"]) as archive:
            for _ in range(2):  # sent again, it is one application
                assert (await (await archive.publish("apply", parts, name))).status == "accepted"
            reviewed, command = signature(site, name, request, "manager"), str(uuid.uuid4())
            first = [await (await archive.publish("endorse", reviewed, command)) for _ in range(2)]
            both = [await archive.publish("endorse", signature(site, name, request, who)) for who in ("head", "head2")]
            return first, [await receipt for receipt in both]

    again, once = asyncio.run(story())
    assert [result.status for result in again] == ["accepted", "accepted"]
    assert sorted(result.code or "" for result in once) == ["", "DG-USE-023"]
    assert site.read(record, f"use:{name}", "city").status == "accepted"
    assert site.events(f"use:{name}").count(("grant", "give", None)) == 1


@pytest.mark.clause("USE-01", "USE-03")
def test_what_is_written_into_the_database_gives_nobody_anything(site: Site) -> None:
    """Whoever can write to the database, and to nothing else, reads no more than before."""
    record, other = site.collected(), site.collected()
    name = site.apply("--record", record, "--field", "city")
    assert [site.endorsed(name, who) for who in ("manager", "head")] == [None, None]
    assert site.read(record, f"use:{name}", "city").status == "accepted"
    short = site.apply("--record", record, "--field", "name")

    async def break_in() -> None:
        settings = site.stack.settings
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            own = (await Grants(database).get([f"use:{name}"]))[f"use:{name}"]
            invented = replace(own, id="use:invented", application="invented")
            assert await Grants(database).put(invented)
            assert await Grants(database).put(replace(invented, id="unsigned", application=None, signature=None))
            await database["grants"].update_one({"_id": own.id}, {"$push": {"records": other}})
            await database["applications"].update_one({"_id": short}, {"$set": {"posts": ["client_manager"]}})

    asyncio.run(break_in())
    for grant, wanted in (
        (f"use:{name}", record),
        (f"use:{name}", other),
        ("use:invented", record),
        ("unsigned", record),
    ):
        assert site.read(wanted, grant, "city").code == "DG-ACC-030"
    assert site.read(record, "unsigned", "city", who="duty").code == "DG-ACC-001"
    assert site.endorsed(short, "manager") == "DG-USE-046"
    assert site.read(record, f"use:{short}", "name").code == "DG-ACC-001"
    assert ("access", "", "DG-ACC-030") in site.events("use:invented")
    assert ("use", "endorse", "DG-USE-046") in site.events(f"use:{short}")
    site.run(
        "use", "give-back", f"use:{name}", "--usage", "nothing", *site.by("reader")
    )  # what takes back always counts


def test_a_rejected_and_a_withdrawn_application_give_nothing(site: Site) -> None:
    record = site.collected()
    rejected = site.apply("--record", record, "--field", "city")
    assert site.endorsed(rejected, "head", "reject-use") is None
    withdrawn = site.apply("--record", record, "--field", "city")
    site.refused("DG-USE-022", "use", "withdraw", withdrawn, *site.by("duty"))
    site.run("use", "withdraw", withdrawn, *site.by("reader"))
    site.run("use", "withdraw", withdrawn, *site.by("reader"))
    for name, standing in ((rejected, "rejected"), (withdrawn, "withdrawn")):
        assert site.read(record, f"use:{name}", "city").code == "DG-ACC-001"
        assert json.loads(site.run("use", "show", name, "--json", *site.rules()))["standing"] == standing
        assert site.endorsed(name, "manager") == "DG-USE-023"
    listed = json.loads(site.run("use", "list", "--waiting", "--json", *site.rules()))
    assert not {rejected, withdrawn} & {each["id"] for each in listed}


@pytest.mark.clause("USE-11")
def test_what_is_overdue_or_unsigned_is_told_once_and_ends(site: Site) -> None:
    record = site.collected()
    emergency = site.apply("--record", record, "--field", "name", "--emergency", who="duty")
    assert site.read(record, f"use:{emergency}", "name", who="duty").status == "accepted"
    assert ("grant", "emergency", None) in site.events(f"use:{emergency}")
    book = load_rules(site.policies, "trial").book

    async def a_day_later() -> list[str]:
        async with desk(site.stack.settings) as at:
            told: list[str] = []
            for _ in range(2):
                found = await late(at, book, now=time.time() + 25 * 3600)
                told += [one.what for one in found if one.application.id == emergency]
            grant = (await Grants(at.database).get([f"use:{emergency}"]))[f"use:{emergency}"]
            assert grant.recalled_at is not None
            known = await Applications(at.database).get(emergency)
            assert isinstance(known, Application)
            assert set(known.told) == {"expire", "overdue", "unsigned_emergency"}
            return told

    told = asyncio.run(a_day_later())
    assert sorted(told) == ["expire", "overdue", "overdue", "unsigned_emergency", "unsigned_emergency"]
    events = site.events(f"use:{emergency}")
    assert [events.count(("use", verb, None)) for verb in ("expire", "overdue", "unsigned_emergency")] == [1, 1, 1]
    site.run("use", "overdue", *site.rules(), status=0)  # by now nothing is


@pytest.mark.clause("USE-11", "USE-13", "STO-17")
def test_a_working_copy_opens_while_its_use_lasts_and_never_afterwards(site: Site) -> None:
    record, file = site.collected(), site.folder / "copy.dangan"
    read = ("--purpose", PURPOSE, "--field", "name", "--out", str(file), *site.rules(), *site.by("duty"))
    wanted = ("--record", record, "--field", "name", "--clear", "name", "--emergency")
    plain = site.apply(*wanted, who="duty")
    site.refused("DG-ACC-022", "use", "copy", record, "--grant", f"use:{plain}", *read)
    name = _to_copy(site, record)
    site.run("use", "copy", record, "--grant", f"use:{name}", *read)
    content = file.read_bytes()
    assert "测试客户".encode() not in content
    assert "测试客户" in site.run("use", "open", str(file), *site.by("duty"))
    site.refused("DG-USE-050", "use", "open", str(file), *site.by("reader"))
    (altered := site.folder / "altered.dangan").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    site.refused("DG-USE-055", "use", "open", str(altered), *site.by("duty"))
    site.refused("DG-USE-055", "use", "open", str(site.folder / "duty.key.json"), *site.by("duty"))
    site.run(
        "use", "give-back", f"use:{name}", "--usage", "read", "--copies", "1", "--destroyed", "1", *site.by("duty")
    )
    site.refused("DG-USE-054", "use", "open", str(file), *site.by("duty"))

    async def key_left() -> bool:
        async with desk(site.stack.settings) as at:
            return await at.database["working_copies"].find_one({"grant": f"use:{name}"}) is not None

    assert not asyncio.run(key_left())  # what is left of the copy is noise
    shared = ("use", "copy", record, "--grant", f"use:{name}", *read)
    policies = site.policies / "profiles" / "trial" / "rules.toml"
    was = policies.read_text("utf-8")
    policies.write_text(was.replace("[use]", f'[use]\nshared_terminals = ["{this_terminal()}"]'), "utf-8")
    again = _to_copy(site, record)
    site.refused("DG-USE-014", *(f"use:{again}" if word == f"use:{name}" else word for word in shared))
    policies.write_text(was, "utf-8")


def _to_copy(site: Site, record: str) -> str:
    """An application to copy a name, which three have signed: an emergency is not for copies."""
    wanted = ("--record", record, "--field", "name", "--clear", "name", "--copying", "--terminal", "desk-9")
    name = site.apply(*wanted, who="duty")
    for who in ("manager", "head", "dept"):
        assert site.endorsed(name, who) is None
    return name


@pytest.mark.clause("USE-16")
def test_contracts_without_a_consultation_before_are_listed(site: Site) -> None:
    record = site.collected()
    party, read, unread = f"sub-{record}", f"contract-{uuid.uuid4().hex[:8]}", f"contract-{uuid.uuid4().hex[:8]}"
    site.run("use", "consulted", unread, "--party", party, *site.by("duty"), status=1)  # nobody has read it
    name = site.apply("--record", record, "--field", "city", "--emergency", who="duty")
    assert site.read(record, f"use:{name}", "city", who="duty").status == "accepted"
    site.run("use", "consulted", read, "--party", party, *site.by("duty"))
    site.run("use", "consulted", read, "--party", party, *site.by("duty"))
    site.refused("DG-USE-024", "use", "consulted", read, "--party", "sub-another", *site.by("duty"))
    listed = {each["id"] for each in json.loads(site.run("use", "contracts", "--json"))}
    assert unread in listed  # read too late
    assert read not in listed


@pytest.mark.clause("SEC-12", "AUD-01")
async def test_what_workers_sign_is_told_by_their_events_and_a_thief_s_signature_is_found(site: Site) -> None:
    """Runs last: over all that was applied for, signed and given here, and then a worker's token in other hands."""
    settings, begun = site.stack.settings, int(time.time() * 1000)

    async def unexplained() -> list[tuple[str, int]]:
        told = await told_on_topic(kafka_of(settings), 0)
        comparison = Comparison(told, since_ms=0, until_ms=int(time.time() * 1000) + 1, window_s=5)
        comparison.feed(calls_in([site.stack.vault_audit_log], settings.transit_mount))
        return [(one.identity, one.items) for one in comparison.finish().findings if one.kind == "sign-unexplained"]

    assert await unexplained() == []
    async with transit_of(settings, settings.token_file("worker")) as transit:
        await asyncio.sleep(
            max(0, 6 - (time.time() - begun / 1000))
        )  # what honest work had just signed explains nothing
        await transit.sign(GRANTS_KEY, b"dangan-grant\n" + b"0" * 64)
    assert await unexplained() == [("token-dangan-worker", 1)]
