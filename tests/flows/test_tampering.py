"""What somebody with write access to the database does to stored values is found when read, never answered, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from ops.detect.detector import Detector
from ops.detect.rules import load_detections
from ops.detect.seen import see
from ops.embedded.stack import Stack
from store.database import Database, connect
from tests.harness.aftermath import audit_events, drain
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_id
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

Document = dict[str, Any]
CODES = {"DG-KEY-003", "DG-KEY-004", "DG-KEY-005"}


def flipped(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


def altered(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = flipped(mine["fields"]["city"], -1 + len(mine["fields"]["city"]))


def cut_short(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = mine["fields"]["city"][:-3]


def emptied(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = b""


def of_another_suite(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = b"\x02" + mine["fields"]["city"][1:]


def of_another_field(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = mine["fields"]["occupation"]


def of_another_record(mine: Document, other: Document) -> None:
    mine["fields"]["city"] = other["fields"]["city"]


def of_another_record_with_its_keys(mine: Document, other: Document) -> None:
    mine["fields"], mine["keys"] = other["fields"], other["keys"]


def of_another_version(mine: Document, _: Document) -> None:
    mine["field_versions"] = {**mine.get("field_versions", {}), "city": 7}


def named_slot(mine: Document, other: Document) -> None:
    mine["keys"] = {level: [ref[0], ref[1] + 1] for level, ref in mine["keys"].items()}


def named_page(mine: Document, other: Document) -> None:
    mine["keys"] = other["keys"]


def named_no_page(mine: Document, _: Document) -> None:
    mine["keys"] = {level: ref for level, ref in mine["keys"].items() if level == "core"}


def of_another_type(mine: Document, _: Document) -> None:
    mine["fields"]["city"] = "in clear"


def page_altered(mine: Document, _: Document) -> None:
    mine["table"] = flipped(mine["table"], 20)


def page_cut_short(mine: Document, _: Document) -> None:
    mine["table"] = mine["table"][:-5]


def page_without_its_slot(mine: Document, _: Document) -> None:
    mine["slots"], mine["table"] = b"", mine["table"]


def page_key_of_another(mine: Document, other: Document) -> None:
    mine["wrapped_key"] = other["wrapped_key"]


def page_of_another(mine: Document, other: Document) -> None:
    for part in ("wrapped_key", "slots", "table", "generation"):
        mine[part] = other[part]


def page_of_another_generation(mine: Document, _: Document) -> None:
    mine["generation"] += 1


Change = Callable[[Document, Document], None]
ON_RECORDS: list[Change] = [
    altered, cut_short, emptied, of_another_suite, of_another_field, of_another_record, of_another_record_with_its_keys,
    of_another_version, named_slot, named_page, named_no_page, of_another_type,
]  # fmt: skip
ON_PAGES: list[Change] = [
    page_altered, page_cut_short, page_without_its_slot, page_key_of_another, page_of_another, page_of_another_generation,
]  # fmt: skip


async def tamper(database: Database, name: str, other: str, change: Change) -> None:
    """Change the record, or every key page of it, as its neighbour's document suggests."""
    mine, its = [await database["records"].find_one({"_id": each}) for each in (name, other)]
    assert mine is not None
    assert its is not None
    if change in ON_RECORDS:
        change(mine, its)
        await database["records"].replace_one({"_id": name}, mine)
        return
    for level, (page_id, _) in mine["keys"].items():
        page = await database["pages"].find_one({"_id": page_id})
        neighbour = await database["pages"].find_one({"_id": its["keys"][level][0]})
        assert page is not None
        assert neighbour is not None
        change(page, neighbour)
        await database["pages"].replace_one({"_id": page_id}, page)


@pytest.mark.clause("STO-05")
async def test_whatever_is_altered_swapped_or_cut_short_is_found_not_answered_and_told(
    stack: Stack, office: Office, worker: Worker
) -> None:
    settings = stack.settings
    changes = {f"rec-{change.__name__.replace('_', '-')}": change for change in (*ON_RECORDS, *ON_PAGES)}
    names = [*changes, "rec-untouched"]
    asked = {"grant": grant_id(office.crm.principal), "purpose": PURPOSE, "fields": ["city"]}
    async with (
        office.publisher() as publisher,
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        asyncio.timeout(60),
    ):
        for at, name in enumerate(names):  # one after the other: each has key pages of its own
            fields = customer(at)
            collected = await publisher.collect(
                record=name, subject=f"of-{name}", purpose=PURPOSE, legal_basis="contract", fields=fields
            )
            assert (await collected).status == "accepted"
        for name, change in changes.items():
            await tamper(database, name, "rec-untouched", change)
        answers = {name: await (await publisher.access(record=name, **asked)) for name in names}
    assert answers["rec-untouched"].values == {"city": customer(len(changes))["city"]}
    told = {name: answers[name].code for name in changes}
    assert {name: code for name, code in told.items() if code not in CODES} == {}
    assert [name for name in changes if answers[name].values] == []
    assert worker.exits == []

    await drain(settings)
    detector = Detector([rule for rule in load_detections() if rule.id == "stored-value-altered"])
    seen = [event for each in await audit_events(settings) if (event := see(orjson.dumps(each))) is not None]
    alerts = [alert for event in seen for alert in detector.see(event)]
    assert {alert.key for alert in alerts} == set(changes)
    assert {alert.rule.severity for alert in alerts} == {"critical"}
