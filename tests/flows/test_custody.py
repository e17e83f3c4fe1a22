"""``dangan media`` and ``dangan custody`` on a working archive: a paper file's life beside its record's."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.commands import archive, custody, media
from ops.custody.checklist import open_items
from ops.embedded.stack import Stack
from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.topics import AUDIT
from store.database import Database, connect
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.harness.office import PURPOSE, Office, grant_id

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]
TAG = uuid.uuid4().hex[:6]
REC = f"rec-{TAG}"
FIELDS = {"name": "测试客户", "city": "苏州"}


@pytest.fixture
async def database(office: Office) -> AsyncIterator[Database]:
    async with connect(office.settings.mongo_uri.get_secret_value(), office.settings.mongo_database) as found:
        yield found


def run(stack: Stack, key: Path, *words: str) -> str:
    app = typer.Typer()
    for each in (archive, media, custody):
        each.register(app)
    result = CliRunner().invoke(app, [*words, "--as", str(key), "--home", str(stack.home)], env={"COLUMNS": "300"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def lines(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(text)
    return found


def key_file(folder: Path, keys: PrincipalKeys) -> Path:
    file = folder / f"{keys.principal.replace(':', '-')}.key"
    write_private(file, dump_keys(keys, None))
    return file


@pytest.mark.clause("STO-12", "STO-13", "STO-14", "STO-15", "STO-16", "DES-08")
async def test_a_paper_file_lives_and_ends_beside_its_record(
    stack: Stack, office: Office, database: Database, tmp_path: Path
) -> None:
    since = int(time.time() * 1000) - 1000
    key = key_file(tmp_path, office.archivist)

    async with office.publisher() as crm:
        for name, intake in ((REC, {"paper": f"box-{TAG}", "opens_business": True}), (f"{REC}-b", {"paper": "none"})):
            parts: dict[str, Any] = {"record": name, "subject": f"sub-{TAG}", "purpose": PURPOSE, "fields": FIELDS}
            receipt = await crm.collect(**parts, legal_basis="contract", intake=intake)
            assert (await receipt).status == "accepted"
        asked = await crm.access(record=REC, grant=grant_id(office.crm.principal), purpose=PURPOSE, fields=["city"])
        assert (await asked).status == "accepted"

    await _in_thread(run, stack, key, "archive", "number")
    (line,) = lines(await _in_thread(run, stack, key, "custody", "list", "--record", REC, "--json"))
    assert (line["paper"], line["paper location"], line["by"]) == (f"box-{TAG}", "not registered", office.crm.principal)
    assert line["last retrieval"] >= time.strftime("%Y-%m-%d", time.gmtime())

    # Destruction waits for the paper; the ledger learns of it while the record can still say so.
    items = lines(await _in_thread(run, stack, key, "custody", "checklist", REC, f"{REC}-b", "--enter", "--json"))
    assert [(each["kind"], each["reference"], each["done"]) for each in items] == [("medium", f"box-{TAG}", "False")]
    add = ["media", "add", f"disc-{TAG}", "--kind", "video", "--location", "store-1", "--responsible", "p:keeper"]
    await _in_thread(run, stack, key, *add, "--record", REC, "--target", "store_disc", "--encrypted")
    lacking = lines(await _in_thread(run, stack, key, "custody", "videos", "--json"))
    assert lacking == [{"record": REC, "lacks": "headquarters_server"}]

    step = [
        "media",
        "move",
        f"box-{TAG}",
        "--location",
        "room-2/shelf-4",
        "--keeper",
        "p:keeper",
        "--cabinet",
        "safe-3",
    ]
    await _in_thread(run, stack, key, *step)
    lend = ["media", "lend", f"box-{TAG}", "--borrower", "p:auditor", "--due", "2020-01-01", "--purpose", "audit-1"]
    await _in_thread(run, stack, key, *lend)
    await _in_thread(run, stack, key, *lend)  # said twice, done once
    overdue = lines(await _in_thread(run, stack, key, "media", "overdue", "--json"))
    assert [(each["medium"], each["what"], each["who"]) for each in overdue] == [
        (f"box-{TAG}", "loan overdue", "p:auditor")
    ]
    await _in_thread(run, stack, key, "media", "take-back", f"box-{TAG}", "--condition", "damaged")
    old = ["media", "inspect", f"box-{TAG}", "--condition", "damaged", "--day", "2020-01-01"]
    await _in_thread(run, stack, key, *old)
    overdue = lines(await _in_thread(run, stack, key, "media", "overdue", "--json"))
    assert [(each["what"], each["who"]) for each in overdue] == [("inspection due", "p:keeper")]
    (line,) = lines(await _in_thread(run, stack, key, "custody", "list", "--record", REC, "--json"))
    assert (line["paper location"], line["condition"], line["keeper"]) == (
        "room-2/shelf-4",
        "damaged intact",
        "p:keeper",
    )

    wiped = ["media", "destroy", f"box-{TAG}", "--evidence", "p-1", "--witness", "p:two", "--method"]
    with pytest.raises(DanganError) as refused:
        await _in_thread(run, stack, key, *wiped, "wiped")
    assert refused.value.code == "DG-MED-001"
    await _in_thread(run, stack, key, *wiped, "shredded")
    assert [each.reference for each in await open_items(database, [REC])] == [f"disc-{TAG}"]
    shown = await _in_thread(run, stack, key, "media", "show", f"box-{TAG}")
    assert [verb in shown for verb in ("register", "move", "lend", "take_back", "inspect", "destroy")] == [True] * 6

    held = tmp_path / "held.csv"
    held.write_text(f"record\n{REC}\nother-{TAG}\n", "utf-8")
    found = lines(await _in_thread(run, stack, key, "custody", "auxiliary", str(held), "--system", "crm", "--json"))
    assert found == [{"item": f"other-{TAG}", "finding": "absent from the centre"}]
    booked = await _books(office, since)
    assert [book for book in booked if book.startswith("media.")] == [
        "media.register", "media.register", "media.move", "media.lend", "media.take_back", "media.inspect",
        "media.destroy",
    ]  # fmt: skip
    assert "auxiliary.compare" in booked


async def _in_thread(act: Any, *words: Any) -> str:
    import asyncio

    told: str = await asyncio.to_thread(act, *words)
    return told


async def _books(office: Office, since: int) -> list[str]:
    found: list[tuple[int, str]] = []
    async with open_topic(kafka_of(office.settings), AUDIT, since_ms=since) as topic:
        async for entries in topic.to_the_end():
            for entry in entries:
                if entry.value.startswith(b"{"):
                    event = orjson.loads(entry.value)
                    if book := event.get("unmapped", {}).get("dangan", {}).get("book"):
                        found.append((event["time"], book))
    return [book for _, book in sorted(found, key=lambda each: each[0])]
