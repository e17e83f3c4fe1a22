"""Bulk reads and searches on the real services: paged, audited record by record, marked, and ended with their grant."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from keys.vault import transit_of
from keys.watermark import mark_of, marker_from
from ops.audited import desk
from ops.cli import build
from ops.commands.reading import HIDDEN
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import give, recall, register
from schemas.levels import Level
from schemas.replies import Result
from streams.bulk import pages
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


async def _reader(office: Office, *grants: dict[str, Any], roles: tuple[str, ...] = ("reader",)) -> PrincipalKeys:
    """Who reads, with those grants: a person, or a portal."""
    keys, now = PrincipalKeys.generate(f"reader:{uuid.uuid4().hex[:6]}"), int(time.time())
    person = "self_service" not in roles
    async with desk(office.settings) as at:
        await register(at, public(keys), roles=roles, department="retail", clearance=Level.CORE, person=person, now=now)
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


async def _ahead(publisher: Publisher, grant: str) -> list[str]:
    """All records of a grant, with pages asked for ahead."""

    async def ask(parts: Mapping[str, Any]) -> Result:
        return await (await publisher.publish("browse", parts))

    read: list[str] = []
    async with aclosing(pages(ask, {"grant": grant, "purpose": PURPOSE, "fields": ["city"], "limit": 1000})) as found:
        async for page in found:
            read += [each["record"] for each in (page.values or {"rows": []})["rows"]]  # type: ignore[attr-defined]
    return read


@pytest.mark.clause("USE-07", "USE-10", "USE-14")
async def test_a_recalled_grant_stops_a_bulk_read_within_one_page(stack: Stack, office: Office, worker: Worker) -> None:
    grant, whole = f"bulk-{TAG}", f"whole-{TAG}"
    keys = await _reader(office, {"id": grant}, {"id": whole})
    async with office.publisher(bundle_commands=256) as publisher:
        await _collect(publisher, range(ROWS))
    async with office.publisher(keys, linger=0.0) as publisher, asyncio.timeout(60):
        assert await _ahead(publisher, whole) == [row(number) for number in range(ROWS)]
    read: list[str] = []
    recalled_at: list[int] = []  # how many pages had been answered when the recall was done

    async def recalling() -> None:
        while len(read) < ROWS // 4:
            await asyncio.sleep(0.01)
        async with desk(stack.settings) as at:
            await recall(at, grant, now=int(time.time()))
        recalled_at.append(count)

    count, after = 0, None
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
            count, after = count + 1, str((answer.values or {})["after"])
        await task
    assert answer.code == "DG-ACC-002"
    assert ROWS // 4 <= len(read) < ROWS
    assert count <= recalled_at[0] + 1
    assert read == [row(number) for number in range(len(read))]
    events = [e for e in await audit_events(stack.settings) if e["actor"]["user"].get("uid") == keys.principal]
    said = [e["unmapped"]["dangan"] for e in events if e["status"] == "Success"]
    told = Counter(each.get("record") for each in said if each["grant"] == grant)
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
    async with transit_of(stack.settings, token) as vault:
        marker = await marker_from(vault)
    assert marker.made(mark, keys.principal, narrow)
    assert not marker.made(mark, office.crm.principal, narrow)
    assert not marker.made(mark, keys.principal, wide)


@pytest.mark.clause("USE-14", "USE-15")
def test_at_a_terminal_and_into_files(stack: Stack, office: Office, worker: Worker, tmp_path: Path) -> None:
    """A portal for one customer: shown, saved in several ways, and never anybody else's."""
    grant, own = f"own-{TAG}", f"of-{row(95_000)}"

    async def prepare() -> PrincipalKeys:
        async with office.publisher() as publisher:
            await _collect(publisher, range(95_000, 95_003))
        return await _reader(
            office,
            {"id": grant, "selection": frozenset({("subject", own)}), "clear": frozenset({"name"}), "copying": True},
            {"id": f"seen-{TAG}", "records": frozenset({row(95_001)})},
            roles=("self_service",),
        )

    keys = asyncio.run(prepare())
    key = tmp_path / "portal.key"
    write_private(key, dump_keys(keys, None))
    asking = ["--purpose", PURPOSE, "--field", "name", "--field", "phone", "--as", str(key), "--home", str(stack.home)]

    def run(*words: str, given: str | None = None) -> Any:
        return CliRunner().invoke(build(words[0]), [*words, *asking], input=given)

    shown = run("access", row(95_000), "--grant", grant)
    assert (shown.exit_code, HIDDEN in shown.stdout, "无名95000" in shown.stdout) == (0, True, False)
    assert "--show-clear" in shown.stderr
    clear = run("access", row(95_000), "--grant", grant, "--show-clear")
    assert "无名95000" in clear.stdout
    assert "warning: name leave unmasked" in clear.stderr
    assert phone(95_000) not in clear.stdout
    another = run("access", row(95_001), "--grant", grant)
    assert (another.exception.code, another.stdout) == ("DG-ACC-007", "")
    nobody = run("access", row(95_001), "--grant", f"seen-{TAG}")
    assert nobody.exception.code == "DG-ACC-001"  # a portal's grant names a customer
    file = tmp_path / "own.json"
    saved = run("browse", "--grant", grant, "--save", str(file))
    assert (saved.exit_code, file.stat().st_mode & 0o777) == (0, 0o600), saved.stderr
    told = json.loads(file.read_text("utf-8"))
    assert [each["record"] for each in told["records"]] == [row(95_000)]
    (token,) = told["watermarks"]
    leaked = CliRunner().invoke(build(), ["watermark", "resolve", token.upper(), "--json", "--home", str(stack.home)])
    named = json.loads(leaked.stdout)
    assert (named["reader"], named["grant"], [each["record"] for each in named["reads"]]) == (
        keys.principal, grant, [row(95_000)]
    )  # fmt: skip
