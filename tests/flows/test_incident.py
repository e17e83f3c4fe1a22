"""An incident on the real services: from the report to the closing report, and what a bad value in the store raises."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.cli import build
from ops.embedded.stack import Stack
from ops.incidents.scope import COLUMNS
from ops.private_files import write_private
from ops.registry import give, register
from schemas.errors import DanganError
from schemas.incidents import ARCHIVE, incident_reference
from schemas.levels import Level
from schemas.replies import Result
from schemas.topics import ALERTS
from store.database import connect
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, grant_for, public
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

#: Stated in docs/incidents.md: how soon a freeze holds everywhere.
WITHIN = 2.0
WORDS = "somebody saw pages of it in a taxi"
STAFF = {
    "teller": ("reader",), "reader": ("reader",), "officer": ("security_officer",), "officer2": ("security_officer",),
    "director": ("director",), "head": ("unit_head",), "compliance": ("compliance",),
}  # fmt: skip


@dataclass
class Site:
    """The office and its staff."""

    stack: Stack
    office: Office
    folder: Path
    staff: dict[str, PrincipalKeys]

    def run(self, *words: str, by: str, status: int = 0) -> str:
        """Type ``dangan incident ...``; return what it printed."""
        named = ("--as", str(self.folder / f"{by}.key.json"), "--home", str(self.stack.home))
        return self.typed("incident", *words, *named, status=status)

    def typed(self, *words: str, status: int = 0) -> str:
        result = CliRunner().invoke(build(words[0]), list(words))
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    def refused(self, code: str, *words: str, by: str) -> None:
        with pytest.raises(DanganError) as error:
            self.run(*words, by=by)
        assert error.value.code == code, error.value

    async def ask(self, kind: str, parts: dict[str, Any], who: str | None = None) -> Result:
        async with self.office.publisher(self.staff[who] if who else None, linger=0.0) as archive:
            return await (await archive.publish(kind, parts))

    def read(self, record: str, who: str) -> Result:
        grant = f"grant-{self.staff[who].principal.replace(':', '-')}"
        return asyncio.run(
            self.ask("access", {"record": record, "grant": grant, "purpose": PURPOSE, "fields": ["city"]}, who)
        )

    def collected(self, *names: str) -> None:
        async def collect() -> None:
            async with self.office.publisher() as archive:
                for name in names:
                    parts: dict[str, Any] = {"purpose": PURPOSE, "legal_basis": "contract", "subject": f"of-{name}"}
                    fields = {"city": f"城{name}", "name": "无名"}
                    assert (await (await archive.collect(record=name, fields=fields, **parts))).status == "accepted"

        asyncio.run(collect())

    def sign(self, request: Path, requester: str, who: str) -> str:
        token = self.folder / f"{uuid.uuid4()}.jws"
        asked = ("--requester", self.staff[requester].principal, "--key", str(self.folder / f"{who}.key.json"))
        token.write_text(self.typed("approve", str(request), *asked), "ascii")
        return str(token)


@pytest.fixture(scope="module")
def site(stack: Stack, office: Office, worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Site:
    assert worker.pid
    folder = tmp_path_factory.mktemp("incident")
    staff = {name: PrincipalKeys.generate(f"person:{name}-{uuid.uuid4().hex[:6]}") for name in STAFF}

    async def hire() -> None:
        now = int(time.time())
        async with desk(stack.settings) as at:
            for name, keys in staff.items():
                common: dict[str, Any] = {"department": "retail", "clearance": Level.CORE, "person": True, "now": now}
                await register(at, public(keys), roles=STAFF[name], **common)
                if "reader" in STAFF[name]:
                    grant = f"grant-{keys.principal.replace(':', '-')}"
                    await give(at, grant_for(keys.principal, now, id=grant))

    asyncio.run(hire())
    for name, keys in staff.items():
        write_private(folder / f"{name}.key.json", dump_keys(keys, None))
    return Site(stack, office, folder, staff)


async def alerts(stack: Stack) -> list[dict[str, Any]]:
    """The incidents among the alerts, each once."""
    found = {}
    async with open_topic(kafka_of(stack.settings), ALERTS) as topic:
        async for entries in topic.to_the_end():
            for entry in entries:
                value = orjson.loads(entry.value)
                if value["class_uid"] == 2005:
                    found[value["metadata"]["uid"]] = value
    return list(found.values())


@pytest.mark.clause("SEC-10", "SEC-11")
def test_from_the_report_to_the_closing_report(site: Site, tmp_path: Path) -> None:
    leaked, other = "rec-leaked", "rec-other"
    site.collected(leaked, other)
    assert site.read(leaked, "teller").values == {"city": f"城{leaked}"}
    assert site.read(other, "reader").values == {"city": f"城{other}"}

    # Anybody reports, and is heard; only a post freezes.
    words, command = tmp_path / "words.txt", str(uuid.uuid4())
    words.write_text(WORDS, "utf-8")
    named = ("--record", leaked, "--principal", site.staff["teller"].principal)
    site.run("report", "leak", *named, "--known", "--freeze", "--description", str(words), "--id", command, by="reader")
    incident = incident_reference(site.staff["reader"].principal, command)
    (told,) = [each for each in asyncio.run(alerts(site.stack)) if each["unmapped"]["dangan"]["incident"] == incident]
    addressed = told["unmapped"]["dangan"]["addressees"]
    assert addressed["superior"] == [site.staff["head"].principal]
    assert site.staff["officer"].principal in addressed["security_officer"]
    assert told["unmapped"]["dangan"]["plan_version"] == "1"
    assert site.read(leaked, "teller").status == "accepted"
    waiting = json.loads(site.run("list", "--unhandled", "--json", by="officer", status=1))
    assert [(each["incident"], each["state"]) for each in waiting] == [(incident, "reported")]
    assert site.staff["officer"].principal in waiting[0]["responsible"]
    assert WORDS in " ".join(site.run("show", incident, by="officer").split())
    assert WORDS not in orjson.dumps(asyncio.run(audit_events(site.stack.settings))).decode()
    site.refused("DG-OPS-060", "show", incident, by="teller")
    site.run("take", incident, by="officer")
    assert json.loads(site.run("list", "--unhandled", "--json", by="officer")) == []

    # One person freezes; within two seconds nothing of it is answered.
    site.refused("DG-INC-005", "freeze", incident, *named, by="reader")
    site.run("freeze", incident, *named, by="officer")
    frozen_at = time.monotonic()
    while site.read(other, "teller").status == "accepted":
        assert time.monotonic() - frozen_at < WITHIN
    time.sleep(max(0.0, frozen_at + 1.0 - time.monotonic()))
    assert site.read(other, "teller").code == "DG-INC-001"
    assert site.read(leaked, "reader").code == "DG-INC-002"
    assert site.read(other, "reader").status == "accepted"
    change = {"record": leaked, "from_version": 1, "reason": "moved", "evidence": "letter-1", "fields": {"city": "X"}}
    assert asyncio.run(site.ask("update", change)).code == "DG-INC-002"

    # The audit stream says who read what, and so who must be told.
    lines = json.loads(site.run("scope", incident, "--json", by="officer"))
    assert all(set(line) == set(COLUMNS) for line in lines)
    read = {(line["reader"], line["record"], line["reads"]) for line in lines}
    teller = site.staff["teller"].principal
    assert (teller, leaked, "2") in read
    assert not any(line["reader"] == site.staff["reader"].principal for line in lines)  # refused, or of no concern
    owed = json.loads(site.run("notices", incident, "--owe", "--json", by="officer"))
    assert {each["to"] for each in owed} == {line["customer"] for line in lines} >= {f"of-{leaked}"}
    assert {each["state"] for each in owed} == {"owed"}

    # Two signatures thaw, none of them alone, and reads resume.
    request = tmp_path / "thaw.json"
    site.run("thaw", incident, "--out", str(request), by="officer")
    one, two = site.sign(request, "officer", "officer2"), site.sign(request, "officer", "director")
    signed = ("thaw", incident, "--request", str(request), "--approval", one)
    site.refused("DG-APR-001", *signed, by="officer")
    site.refused("DG-INC-012" if not lines else "DG-INC-010", "close", incident, "--out", str(tmp_path), by="officer")
    site.run(*signed, "--approval", two, by="officer")
    thawed_at = time.monotonic()
    while site.read(leaked, "reader").status != "accepted":
        assert time.monotonic() - thawed_at < WITHIN
    assert site.read(other, "teller").status == "accepted"

    # Told, mended, closed by somebody else than the reporter.
    for each in owed:
        site.run("told", each["notice"], "--evidence", "letter-2026-118", by="officer")
    site.run("rectify", incident, "--measure", "retrained", "--evidence", "protocol-12", by="officer")
    site.run("close", incident, "--out", str(tmp_path), "--language", "zh-CN", by="officer")
    assert {file.suffix for file in tmp_path.glob("incident-*")} == {".html", ".pdf", ".json"}
    (closed,) = json.loads(site.run("list", "--state", "closed", "--json", by="officer"))
    assert closed["incident"] == incident
    site.refused("DG-INC-008", "freeze", incident, *named, by="officer")
    events = [event["unmapped"]["dangan"] for event in asyncio.run(audit_events(site.stack.settings))]
    steps = [each["book"] for each in events if each["action"] == "register" and each.get("record") == incident]
    wanted = ("report", "take", "freeze", "scope", "notices", "thaw", "rectify", "close")
    assert {f"incidents.{verb}" for verb in wanted} <= set(steps)


@pytest.mark.clause("SEC-10", "SEC-11")
def test_nobody_closes_the_incident_that_he_reported(site: Site, tmp_path: Path) -> None:
    command = str(uuid.uuid4())
    site.run("report", "loss", "--id", command, by="officer")
    incident = incident_reference(site.staff["officer"].principal, command)
    site.run("take", incident, by="officer")
    close = ("close", incident, "--out", str(tmp_path / "loss.json"))
    site.refused("DG-INC-012", *close, by="officer")
    site.run("scope", incident, "--since", "1s", "--until", "2020-01-01T00:00:00", by="officer")
    site.run("notices", incident, "--owe", by="officer")
    site.run("rectify", incident, "--measure", "found", "--evidence", "protocol-13", by="officer")
    site.refused("DG-REG-004", *close, by="officer")
    site.run(*close, by="compliance")


@pytest.mark.clause("SEC-11")
def test_a_freeze_stops_a_bulk_read_within_one_page(site: Site) -> None:
    names = [f"rec-bulk-{at:02d}" for at in range(4)]
    site.collected(*names)
    command = str(uuid.uuid4())
    site.run("report", "leak", "--id", command, by="officer")
    incident = incident_reference(site.staff["officer"].principal, command)
    keys = site.staff["reader"]
    grant = f"grant-{keys.principal.replace(':', '-')}"

    async def pages() -> list[Result]:
        answers: list[Result] = []
        asked: dict[str, Any] = {"grant": grant, "purpose": PURPOSE, "fields": ["city"], "limit": 1}
        async with site.office.publisher(keys, linger=0.0) as archive:
            for at in range(len(names)):
                answers.append(await (await archive.publish("browse", asked)))
                if answers[-1].status == "refused":
                    break
                asked["after"] = (answers[-1].values or {})["after"]
                if at == 1:
                    frozen = {"incident": incident, "principals": [keys.principal]}
                    assert (await site.ask("contain", frozen, "officer")).status == "accepted"
                    await asyncio.sleep(1.1)
        return answers

    answers = asyncio.run(pages())
    assert [answer.code for answer in answers] == [None, None, "DG-INC-001"]


@pytest.mark.clause("STO-05")
def test_a_value_altered_in_the_store_raises_an_incident_when_it_is_read(site: Site) -> None:
    record = "rec-altered"
    site.collected(record)

    async def alter() -> None:
        settings = site.stack.settings
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            found = await database["records"].find_one({"_id": record})
            assert found is not None
            city = bytearray(found["fields"]["city"])
            city[-1] ^= 1
            await database["records"].update_one({"_id": record}, {"$set": {"fields.city": bytes(city)}})

    asyncio.run(alter())
    for _ in range(2):
        assert site.read(record, "teller").code == "DG-KEY-004"
    incident = incident_reference(ARCHIVE, f"{record}/0")
    found = {each["incident"]: each for each in json.loads(site.run("list", "--json", by="officer"))}
    assert (found[incident]["kind"], found[incident]["reporter"]) == ("tampering", ARCHIVE)
    assert incident in {each["unmapped"]["dangan"]["incident"] for each in asyncio.run(alerts(site.stack))}
