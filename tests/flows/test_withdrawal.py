"""Withdrawal of consent on the real services: what was sent before, comes after, or arrives at the same time."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumers.received import Received
from consumers.withdraw import Withdrawer
from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.embedded.stack import Stack
from ops.registry import give, register
from ops.rules import load_rules
from schemas.commands import Withdraw
from schemas.levels import Level
from schemas.replies import Result
from store.consents import Consents
from store.database import Database, connect
from store.principals import Principals
from streams.publisher import Publisher
from tests.harness.aftermath import audit_events, by_command
from tests.harness.office import PURPOSE, Office, grant_for, grant_id, public
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

TEXT = "a" * 64
CANARY = "Lakeside 4711"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as opened:
        yield opened


def consented(record: str, subject: str, consent: str, **changes: Any) -> dict[str, Any]:
    """A collect that rests on a consent alone, without its type."""
    told = {
        "reference": consent,
        "text_sha256": TEXT,
        "given_at": "2026-01-05T09:00:00+08:00",
        "given_by": "subject",
        "manner": "written",
        "explicit": True,
    }
    return {
        "record": record,
        "subject": subject,
        "purpose": PURPOSE,
        "legal_basis": "consent",
        "consent": told,
        "fields": {"address": f"{CANARY}, {record}"},
        **changes,
    }


def withdrawal(subject: str, consent: str) -> dict[str, Any]:
    """A withdraw command without its type."""
    return {"subject": subject, "consent": consent, "withdrawn_at": "2026-02-01T10:00:00+08:00"}


async def read(archive: Publisher, office: Office, record: str) -> Result:
    asked = await archive.access(
        record=record, grant=grant_id(office.crm.principal), purpose=PURPOSE, fields=["address"]
    )
    return await asked


async def states(database: Database, pattern: str) -> dict[str, str | None]:
    found = database["records"].find({"_id": {"$regex": pattern}, "state": "live"}, {"consent_state": 1})
    return {doc["_id"]: doc.get("consent_state") async for doc in found}


@pytest.mark.clause("COL-04")
async def test_bundles_sent_before_a_withdrawal_and_opened_after_it_store_nothing(
    office: Office, stack: Stack, database: Database
) -> None:
    """The first test of the module: no worker runs yet, so the bundles wait in Kafka."""
    tag = uuid.uuid4().hex[:6]
    async with office.publisher(linger=0.0) as archive, asyncio.timeout(60):
        waiting = [
            await archive.publish("collect", consented(f"early-{tag}-{at}", f"p-{tag}", f"c-{tag}")) for at in range(3)
        ]
        await archive.flush()
        crm = await Principals(database).get(office.crm.principal)
        assert crm is not None
        command = Withdraw.model_validate(
            {"id": str(uuid.uuid4()), "type": "withdraw", **withdrawal(f"p-{tag}", f"c-{tag}")}
        )
        withdrawer = Withdrawer(Consents(database), load_rules(profile="trial"))
        now = int(time.time() * 1000)
        received = Received(command, crm, str(uuid.uuid4()), "archive.collect", 0, 0, "kid", now)
        (outcome,) = await withdrawer.apply([received], now / 1000)
        assert outcome.result.status == "accepted"
        with Worker(stack.home, "late") as worker:
            worker.wait_started()
            results = [await one for one in waiting]
    assert [(result.status, result.code) for result in results] == [("refused", "DG-CON-001")] * 3
    assert await states(database, f"^early-{tag}") == {}


@pytest.mark.clause("COL-04")
async def test_after_a_withdrawal_nothing_of_it_is_read_and_nothing_more_is_collected(
    office: Office, worker: Worker, database: Database
) -> None:
    tag = uuid.uuid4().hex[:6]
    subject, consent = f"p-{tag}", f"c-{tag}"
    async with office.publisher(linger=0.0) as archive, asyncio.timeout(60):
        mine = await (await archive.publish("collect", consented(f"rest-{tag}", subject, consent)))
        basis = {"legal_basis": "contract"}  # the trial profile lists it as an exemption
        other = await (await archive.publish("collect", consented(f"else-{tag}", subject, consent, **basis)))
        assert (mine.status, other.status) == ("accepted", "accepted")
        assert (await read(archive, office, f"rest-{tag}")).values == {"address": f"{CANARY}, rest-{tag}"}
        # a consent stands for one purpose and one text
        again = consented(f"new-{tag}", subject, consent, purpose="marketing", fields={"city": "Suzhou"})
        assert (await (await archive.publish("collect", again))).code == "DG-CON-002"
        sent = await archive.publish("withdraw", withdrawal(subject, consent))
        assert (await sent).status == "accepted"
        assert (await read(archive, office, f"rest-{tag}")).code == "DG-ACC-009"
        assert (await read(archive, office, f"else-{tag}")).values == {"address": f"{CANARY}, else-{tag}"}
        update = {
            "record": f"rest-{tag}",
            "from_version": 1,
            "reason": "x",
            "evidence": "doc-1",
            "fields": {"city": "W"},
        }
        assert (await (await archive.publish("update", update))).code == "DG-CON-001"
        late = await archive.publish("collect", consented(f"late-{tag}", subject, consent))
        assert (await late).code == "DG-CON-001"
        assert (await (await archive.again(sent))).code == "DG-CMD-002"
        assert (await (await archive.publish("withdraw", withdrawal(subject, consent)))).code == "DG-CON-004"
        async with office.publisher(office.archivist) as stranger:
            forbidden = await stranger.publish("withdraw", withdrawal(subject, consent))
            assert (await forbidden).code == "DG-CMD-004"
    assert await states(database, tag) == {f"rest-{tag}": "withdrawn", f"else-{tag}": None}
    # a record that comes from a backup is older than its mark: a restore marks it again
    await database["records"].update_one({"_id": f"rest-{tag}"}, {"$unset": {"consent_state": ""}})
    assert await Consents(database).block_again() >= 1
    assert await states(database, tag) == {f"rest-{tag}": "withdrawn", f"else-{tag}": None}
    assert [each async for each in Consents(database).blocked() if tag in each[0]] == [
        (f"rest-{tag}", subject, consent)
    ]
    events = by_command(await audit_events(office.settings))[sent.command_id].values()
    told = {(event["unmapped"]["dangan"].get("record"), event["status"]) for event in events}
    assert {(None, "Success"), (f"rest-{tag}", "Success")} <= told


@pytest.mark.clause("COL-04")
async def test_withdrawals_that_meet_their_collects_on_the_way_leave_nothing_readable(
    office: Office, worker: Worker, database: Database
) -> None:
    tag = uuid.uuid4().hex[:6]
    customers = range(40)

    async def customer(archive: Publisher, other: Publisher, at: int) -> list[tuple[str, str | None]]:
        subject, consent = f"p-{tag}-{at}", f"c-{tag}-{at}"
        collects = [await archive.publish("collect", consented(f"r-{tag}-{at}-{n}", subject, consent)) for n in (0, 1)]
        await asyncio.sleep(0.002 * (at % 8))
        gone = await other.publish("withdraw", withdrawal(subject, consent))
        collects.append(await archive.publish("collect", consented(f"r-{tag}-{at}-2", subject, consent)))
        assert (await gone).status == "accepted"
        # From here on: whatever is still on its way, nothing of it may be read.
        early = [await read(other, office, f"r-{tag}-{at}-{n}") for n in (0, 1, 2)]
        ends = [await each for each in collects]
        assert {end.code for end in ends} <= {None, "DG-CON-001"}
        late = [await read(other, office, f"r-{tag}-{at}-{n}") for n in (0, 1, 2)]
        assert [result.values for result in (*early, *late)] == [None] * 6
        assert {result.code for result in (*early, *late)} <= {"DG-ACC-007", "DG-ACC-009"}
        return [(end.status, end.code) for end in ends]

    async with (
        office.publisher(linger=0.0, bundle_commands=2) as archive,
        office.publisher(linger=0.0, bundle_commands=2) as other,
        asyncio.timeout(90),
    ):
        ends = await asyncio.gather(*(customer(archive, other, at) for at in customers))
    seen = {end for each in ends for end in each}
    assert seen == {("accepted", None), ("refused", "DG-CON-001")}  # both sides of the race were met
    assert set((await states(database, f"^r-{tag}")).values()) == {"withdrawn"}


@pytest.mark.clause("COL-04")
async def test_a_consent_of_another_system_is_withdrawn_by_the_privacy_desk_only(
    office: Office, stack: Stack, worker: Worker
) -> None:
    tag = uuid.uuid4().hex[:6]
    erp, privacy = PrincipalKeys.generate(f"sys:erp-{tag}"), PrincipalKeys.generate(f"person:privacy-{tag}")
    now = int(time.time())
    async with desk(stack.settings) as at:
        for keys, role in ((erp, "collector"), (privacy, "privacy")):
            await register(
                at,
                public(keys),
                roles=(role,),
                department="retail",
                clearance=Level.BASIC,
                person=role == "privacy",
                now=now,
            )
        await give(at, grant_for(erp.principal, now, id=f"grant-{tag}"))
    told = withdrawal(f"p-{tag}", f"c-{tag}")
    async with office.publisher(linger=0.0) as archive, office.publisher(erp, linger=0.0) as other:
        await (await archive.publish("collect", consented(f"r-{tag}", f"p-{tag}", f"c-{tag}")))
        assert (await (await other.publish("withdraw", told))).code == "DG-CMD-004"
        assert (await read(archive, office, f"r-{tag}")).status == "accepted"
        async with office.publisher(privacy, linger=0.0) as desk_of_privacy:
            assert (await (await desk_of_privacy.publish("withdraw", told))).status == "accepted"
        assert (await read(archive, office, f"r-{tag}")).code == "DG-ACC-009"
