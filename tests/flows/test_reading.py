"""Bulk reads and searches on the real services: paged, audited record by record, marked, and ended with their grant."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from typing import Any

import pytest

from keys.principal_keys import PrincipalKeys
from keys.vault import Transit
from keys.watermark import mark_of, marker_from
from ops.audited import desk
from ops.embedded.stack import Stack
from ops.registry import give, recall, register
from schemas.levels import Level
from schemas.replies import Result
from streams.publisher import Publisher
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, grant_for, public
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

ROWS = 10_000
TAG = uuid.uuid4().hex[:6]


def row(number: int) -> str:
    return f"bulk-{TAG}-{number:05d}"


def phone(number: int) -> str:
    return f"+86139{number:08d}"


async def _reader(office: Office, *grants: dict[str, Any]) -> PrincipalKeys:
    """A person who reads, with those grants."""
    keys, now = PrincipalKeys.generate(f"person:reader-{uuid.uuid4().hex[:6]}"), int(time.time())
    async with desk(office.settings) as at:
        await register(
            at, public(keys), roles=("reader",), department="retail", clearance=Level.CORE, person=True, now=now
        )
        for parts in grants:
            await give(at, grant_for(keys.principal, now, **{"clear": frozenset(), **parts}))
    return keys


async def _collect(publisher: Publisher, numbers: range) -> None:
    receipts = []
    for number in numbers:
        fields = {"city": f"城{number}", "name": f"无名{number}", "phone": phone(number)}
        parts = {"subject": f"of-{row(number)}", "purpose": PURPOSE, "legal_basis": "contract", "fields": fields}
        receipts.append(await publisher.collect(record=row(number), **parts))
    results = [await receipt for receipt in receipts]
    assert {result.status for result in results} == {"accepted"}


async def _page(publisher: Publisher, grant: str, after: str | None, **more: Any) -> Result:
    parts = {"grant": grant, "purpose": PURPOSE, "fields": ["name", "city"], "after": after, **more}
    return await (await publisher.publish("browse", {key: value for key, value in parts.items() if value is not None}))


@pytest.mark.clause("USE-07", "USE-10", "USE-14")
async def test_a_recalled_grant_stops_a_bulk_read_within_one_page(stack: Stack, office: Office, worker: Worker) -> None:
    grant = f"bulk-{TAG}"
    keys = await _reader(office, {"id": grant})
    async with office.publisher(bundle_commands=256) as publisher:
        await _collect(publisher, range(ROWS))
    read: list[str] = []
    recalled_at: list[int] = []  # how many pages had been answered when the recall was done

    async def recalling() -> None:
        while len(read) < ROWS // 4:
            await asyncio.sleep(0.01)
        async with desk(stack.settings) as at:
            await recall(at, grant, now=int(time.time()))
        recalled_at.append(pages)

    pages, after = 0, None
    async with office.publisher(keys, linger=0.0) as publisher, asyncio.timeout(60):
        task = asyncio.create_task(recalling())
        while True:
            answer = await _page(publisher, grant, after)
            if answer.status == "refused":
                break
            rows: Any = (answer.values or {})["rows"]
            assert all(each["values"]["name"] == "无" + "*" * (len(each["values"]["name"]) - 1) for each in rows)
            assert answer.clear is None
            read += [each["record"] for each in rows]
            pages, after = pages + 1, str((answer.values or {})["after"])
        await task
    assert answer.code == "DG-ACC-002"
    assert ROWS // 4 <= len(read) < ROWS
    assert pages <= recalled_at[0] + 1
    assert read == [row(number) for number in range(len(read))]
    events = [e for e in await audit_events(stack.settings) if e["actor"]["user"].get("uid") == keys.principal]
    told = Counter(e["unmapped"]["dangan"].get("record") for e in events if e["status"] == "Success")
    assert told == Counter(read)  # each record that was read, once, and no other


async def test_a_search_finds_what_the_grant_covers_and_the_watermark_names_the_reader(
    stack: Stack, office: Office, worker: Worker
) -> None:
    wide, narrow = f"wide-{TAG}", f"narrow-{TAG}"
    keys = await _reader(office, {"id": wide}, {"id": narrow, "records": frozenset({row(90_001)})})
    async with office.publisher() as publisher:
        await _collect(publisher, range(90_000, 90_002))
    async with office.publisher(keys, linger=0.0) as publisher, asyncio.timeout(30):

        async def search(grant: str, value: str) -> Result:
            asked = {"grant": grant, "purpose": PURPOSE, "field": "phone", "value": value}
            return await (await publisher.publish("search", asked))

        assert (await search(wide, "139 0009 0000")).values == {"records": [row(90_000)], "more": False}
        outside, nowhere = await search(narrow, phone(90_000)), await search(narrow, phone(99_999))
        assert outside.values == nowhere.values == {"records": [], "more": False}
        assert (await search(narrow, phone(90_001))).values == {"records": [row(90_001)], "more": False}
        receipt = await publisher.access(record=row(90_001), grant=narrow, purpose=PURPOSE, fields=["city"])
        answer = await receipt
        assert (await (await publisher.again(receipt))).code == "DG-CMD-003"
    mark = mark_of(answer.watermark or "")
    assert mark.request == receipt.command_id
    token = stack.settings.token_file("auditor")
    async with Transit(stack.settings.vault_addr, token, mount=stack.settings.transit_mount) as vault:
        marker = await marker_from(vault)
    assert marker.made(mark, keys.principal, narrow)
    assert not marker.made(mark, office.crm.principal, narrow)
    assert not marker.made(mark, keys.principal, wide)
