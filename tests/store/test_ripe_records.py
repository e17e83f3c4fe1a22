"""The records that may be due, on the real store: all that are due, each once, and few others (clause DES-02)."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from consumers.retention.assess import assess, assess_ripe
from ops.embedded.stack import Stack
from ops.rules import load_rules
from store.database import Database, Document, connect
from store.retention import Fact, RetentionFacts

pytestmark = [pytest.mark.flow, pytest.mark.clause("DES-02")]

RULES = load_rules(profile="trial")
PURPOSES = (*RULES.catalogue.purposes, "purpose-of-before")
TODAY = date(2040, 2, 29)


def document(number: int, luck: random.Random) -> Document:
    collected = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=luck.randrange(40 * 365))
    doc: Document = {
        "_id": f"r{number:03d}", "subject": f"p{number % 90:02d}", "state": "live", "version": 1,
        "purpose": luck.choice(PURPOSES), "at": int(collected.timestamp() * 1000),
        "cohort": f"{luck.choice(['customer', 'marketing', 'due_diligence'])}/{collected.year}Q{(collected.month + 2) // 3}",
    }  # fmt: skip
    if luck.random() < 0.2:
        doc["version"], doc["at"] = 2, int(datetime(2040, 2, 28, tzinfo=UTC).timestamp() * 1000)
    if luck.random() < 0.2:
        doc["intake"] = {"happened_at": (collected - timedelta(days=luck.randrange(4000))).isoformat()}
    if luck.random() < 0.2:
        doc["consent"] = {"retention_months": luck.randrange(1, 60)}
    if luck.random() < 0.1:
        doc["state"] = "destroyed"
    return doc


async def due(database: Database, *, every: bool) -> tuple[list[str], int]:
    found = assess(database, RULES, now=0) if every else assess_ripe(database, RULES, today=TODAY, now=0)
    looked = [each async for batch in found for each in batch]
    assert len({each.record for each in looked}) == len(looked)
    return sorted(each.record for each in looked if each.due(TODAY)), len(looked)


@pytest.mark.parametrize("seed", range(3))
async def test_a_run_that_reads_few_finds_what_one_that_reads_all_finds(stack: Stack, seed: int) -> None:
    luck = random.Random(seed)
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4()}") as database:
        await database["records"].insert_many([document(number, luck) for number in range(300)])
        facts = [
            Fact(f"p{at:02d}", event, date(2005 + luck.randrange(40), 5, 31), "e-1", "person:one", 0)
            for at in range(90)
            for event in ("end_of_business", "last_transaction")
            if luck.random() < 0.3
        ]
        await RetentionFacts(database).put(facts)
        all_due, everything = await due(database, every=True)
        ripe_due, looked = await due(database, every=False)
        assert ripe_due == all_due != []
        assert looked < everything
        await database.client.drop_database(database.name)
