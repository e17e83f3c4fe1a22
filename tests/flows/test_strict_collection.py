"""Collection under the strictest rules on the real services: approved, complete, on its form; and its matter's file."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.config import write_settings
from ops.embedded.stack import Stack
from ops.people.permissions import people_rules
from ops.private_files import write_private
from ops.registry import register
from ops.rules import load_rules
from schemas.levels import Level
from store.database import connect
from tests.harness.aftermath import audit_events, by_command
from tests.harness.canaries import Search
from tests.harness.office import Office, public
from tests.harness.scans import KIND, parts_of, pdf, told
from tests.harness.workers import Worker, dangan

pytestmark = pytest.mark.flow

TAG = uuid.uuid4().hex[:6]
DAY = 86_400
NAME = "司马canary"
FIELDS = {"name": NAME, "phone": "13900009876", "id_number": "11010519491231002X", "city": "Suzhou"}


@pytest.fixture(scope="module")
def strict_worker(stack: Stack, office: Office) -> Iterator[Worker]:
    """A worker without a profile."""
    write_settings(stack.home, {"profile": ""})
    with Worker(stack.home, "strict") as started:
        started.wait_started()
        yield started


def moment(seconds_ago: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))


def parts(name: str, **intake: Any) -> dict[str, Any]:
    """A lawful collect, but for what is changed."""
    notice = load_rules().notices["account-service-1"]
    said: dict[str, Any] = {
        "form": "retail@2",
        "use": "open_account",
        "channel": "direct",
        "notice": {"reference": "account-service-1", "given_at": moment(7200)},
        "approval": f"core-{TAG}",
        "collector": "person:teller-4",
        "happened_at": moment(60),
        "customer": {"type": "individual", "business_type": "retail", "segment": "ordinary"},
        "identity_check": {
            "checker": "person:teller-5",
            "at": moment(60),
            "manner": "original_and_online",
            "result": "matches",
            "document": "identity_card",
        },
        "custodian": "person:keeper-1",
        "paper": "none",
        **intake,
    }
    consent = {
        "reference": f"consent-{name}",
        "text_sha256": notice.sha256,
        "given_at": moment(3600),
        "given_by": "subject",
        "manner": "written",
        "explicit": True,
        "retention_months": notice.retention_months,
        "document": f"scan-{name}",
    }
    return {
        "record": f"{name}-{TAG}",
        "subject": f"party-{name}-{TAG}",
        "purpose": "account_service",
        "legal_basis": "consent",
        "fields": FIELDS,
        "consent": consent,
        "intake": {key: value for key, value in said.items() if value is not None},
    }


def run(home: Path, *arguments: str) -> str:
    """``dangan ARGUMENTS``; its output."""
    log = home / f"cli-{uuid.uuid4().hex}.log"
    process = dangan(home, *arguments, log=log)
    assert process.wait(60) == 0, log.read_text("utf-8")
    return log.read_text("utf-8")


async def registered(stack: Stack, role: str) -> Path:
    """A person with that role; the person's key file."""
    keys = PrincipalKeys.generate(f"person:{role}-{TAG}")
    now = int(time.time())
    async with desk(stack.settings) as at:
        await register(
            at,
            public(keys),
            roles=(role,),
            department="law",
            clearance=Level.CORE,
            person=True,
            now=now,
            agreement="nda-2026-1",
            agreement_until=now + DAY,
            people=people_rules(stack.settings.model_copy(update={"profile": "trial"})),
        )
    file = stack.home / f"{role}.key.json"
    write_private(file, dump_keys(keys, None))
    return file


@pytest.mark.clause("COL-13", "COL-04", "COL-08", "COL-19")
async def test_a_collection_is_refused_until_it_is_approved_and_then_kept_with_its_circumstances(
    stack: Stack, office: Office, strict_worker: Worker
) -> None:
    approver = await registered(stack, "approver")
    covered = ("--field", "id_number", "--field", f"attachment.{KIND}")
    fields = (*covered, "--purpose", "account_service", "--form", "retail@2")
    async with office.publisher(linger=0.0) as archive, asyncio.timeout(120):
        before = await (await archive.collect(**parts("early")))
        assert (before.code, before.field) == ("DG-COL-019", "intake.approval")
        await asyncio.to_thread(run, stack.home, "collection", "approve", f"core-{TAG}", *fields, "--as", str(approver))
        await asyncio.sleep(1.1)  # what is not found is not asked for again for a second
        kept = await archive.collect(**parts("kept"))
        refused = await archive.collect(**parts("bare", channel=None))
        assert ((await kept).status, (await kept).code) == ("accepted", None)
        assert ((await refused).code, (await refused).field) == ("DG-COL-014", "intake.channel")
        (scan,) = parts_of(f"kept-{TAG}", pdf(99))
        assert await told(archive, scan) == ("refused", "DG-COL-019")
        assert await told(archive, {**scan, "approval": f"core-{TAG}"}) == ("accepted", None)
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        records = {doc["_id"]: doc async for doc in database["records"].find({"_id": {"$regex": f"-{TAG}$"}})}
    assert records.keys() == {f"kept-{TAG}"}
    stored = records[f"kept-{TAG}"]
    assert stored["stage"] == "received"
    assert "consent_state" not in stored
    assert stored["consent"]["document"] == "scan-kept"
    assert stored["intake"]["notice"]["reference"] == "account-service-1"
    assert stored["intake"]["happened_at"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stored["at"] / 1000 + 1))
    events = by_command(await audit_events(settings))
    assert {event["status"] for event in events[kept.command_id].values()} == {"Success"}
    # nothing that was accepted or refused stands in clear in any log, database or topic (COL-19)
    search = Search({NAME, "13900009876", "11010519491231002X"})
    assert await search.in_database(settings) == {}
    assert await search.in_topics(settings) == {}
    assert {name: found for name, found in search.below(stack.home).items() if name.endswith(".log")} == {}


@pytest.mark.clause("COL-16")
async def test_the_file_of_a_matter_shows_its_steps_in_order_and_the_late_entry(
    stack: Stack, office: Office, strict_worker: Worker
) -> None:
    archivist = await registered(stack, "archivist")
    notice = load_rules().notices["business-records-1"]
    matter = f"loan-{TAG}"

    def step(name: str, ago: float, text: str) -> dict[str, Any]:
        made = parts(
            name,
            form="key-step@1",
            use="keep_accounts",
            matter=matter,
            happened_at=moment(ago),
            notice={"reference": "business-records-1", "given_at": moment(7200)},
            approval=None,
        )
        told = {"text_sha256": notice.sha256, "retention_months": notice.retention_months}
        consent = {**made["consent"], **told, "reference": f"consent-{TAG}"}
        fields = {"business_step": text}
        return {**made, "purpose": "business_records", "fields": fields, "consent": consent}

    async with office.publisher(linger=0.0) as archive, asyncio.timeout(60):
        sent = [
            await archive.collect(**step("granted", 600, "granted")),
            await archive.collect(**step("asked", 3 * DAY, "applied")),
            await archive.collect(**step("paid", 60, "paid")),
        ]
        assert [((await each).status, (await each).code) for each in sent] == [("accepted", None)] * 3
    arguments = ("collection", "matter", matter, "--json", "--as", str(archivist))
    steps = json.loads(await asyncio.to_thread(run, stack.home, *arguments))
    assert [each["record"] for each in steps] == [f"{name}-{TAG}" for name in ("asked", "granted", "paid")]
    assert [each["late by hours"] for each in steps] == ["72", "", ""]
    assert "applied" not in json.dumps(steps)
    assert all(each["happened"] < each["entered"] for each in steps)


@pytest.mark.clause("COL-13", "COL-04")
async def test_approvals_and_withdrawn_records_are_listed_and_only_approvers_approve(
    stack: Stack, office: Office, strict_worker: Worker
) -> None:
    """Behind the other two: their approval, people and record are there."""
    archivist, approver = str(stack.home / "archivist.key.json"), str(stack.home / "approver.key.json")
    subject, consent = f"party-kept-{TAG}", "consent-kept"
    told = {"subject": subject, "consent": consent, "withdrawn_at": moment(5)}
    async with office.publisher(linger=0.0) as archive, asyncio.timeout(60):
        assert (await (await archive.publish("withdraw", told))).status == "accepted"

    def listed(name: str) -> Any:
        return json.loads(run(stack.home, "collection", name, "--json", "--as", archivist))

    def refused(*arguments: str) -> str:
        log = stack.home / f"cli-{uuid.uuid4().hex}.log"
        assert dangan(stack.home, "collection", "approve", *arguments, log=log).wait(60) == 1
        return log.read_text("utf-8")

    assert await asyncio.to_thread(listed, "withdrawn") == [
        {"record": f"kept-{TAG}", "subject": subject, "consent": consent}
    ]
    (approval,) = await asyncio.to_thread(listed, "approvals")
    assert (approval["approval"], approval["form"]) == (f"core-{TAG}", "retail@2")
    assert approval["fields"] == f"attachment.{KIND}, id_number"
    fields = ("--field", "id_number", "--purpose", "account_service")
    again = asyncio.to_thread(refused, f"core-{TAG}", *fields, "--as", approver)
    basic = asyncio.to_thread(refused, "core-x1", "--field", "city", "--purpose", "account_service", "--as", approver)
    stranger = asyncio.to_thread(refused, "core-x2", *fields, "--as", archivist)
    ends = await asyncio.gather(again, basic, stranger)
    assert [end.count(code) for end, code in zip(ends, ("DG-COL-028", "DG-COL-005", "DG-OPS-060"), strict=True)] == [
        1
    ] * 3
