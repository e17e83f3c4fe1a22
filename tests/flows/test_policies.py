"""Policies on the real services: own buildings alone, secret records closed and apart, as if they were not there."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.embedded.stack import Stack
from ops.registry import give, register
from schemas.levels import Level
from store.database import connect
from store.pages import Pages
from store.records import Records
from tests.harness.office import PURPOSE, Office, grant_for, public
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

TAG = uuid.uuid4().hex[:6]
ABSENT = f"none-{TAG}"
INTAKES: dict[str, dict[str, Any]] = {
    f"own-{TAG}": {"household": {"building": "b-07", "floor": 1, "unit": "a"}, "item": "move_in"},
    f"other-{TAG}": {"household": {"building": "b-09", "floor": 1, "unit": "a"}, "item": "move_in"},
    f"secret-{TAG}": {"grade": "secret"},
    f"plain-{TAG}": {"grade": "none"},
}


async def _reader(office: Office, *roles: str, scope: frozenset[tuple[str, str]] = frozenset()) -> PrincipalKeys:
    """Who reads, with a grant on everything."""
    keys, now = PrincipalKeys.generate(f"reader:{uuid.uuid4().hex[:6]}"), int(time.time())
    async with desk(office.settings) as at:
        await register(
            at, public(keys), roles=roles, department="retail", clearance=Level.BASIC, person=True, now=now, scope=scope
        )
        await give(at, grant_for(keys.principal, now, id=f"grant-{keys.principal.replace(':', '-')}"))
    return keys


async def _codes(office: Office, keys: PrincipalKeys) -> dict[str, str | None]:
    """How a read of each record is answered."""
    grant = f"grant-{keys.principal.replace(':', '-')}"
    async with office.publisher(keys, linger=0.0) as publisher:
        asked = {
            record: await publisher.access(record=record, grant=grant, purpose=PURPOSE, fields=["city"])
            for record in (*INTAKES, ABSENT)
        }
        return {record.partition("-")[0]: (await receipt.answer).code for record, receipt in asked.items()}


@pytest.mark.clause("USE-06", "STO-04", "SEC-03")
async def test_readers_see_only_what_scope_and_grade_allow(stack: Stack, office: Office, worker: Worker) -> None:
    async with office.publisher() as publisher:
        receipts = [
            await publisher.collect(
                record=record, subject=f"of-{record}", purpose=PURPOSE, legal_basis="contract",
                fields={"city": "苏州"}, intake=intake,
            )
            for record, intake in INTAKES.items()
        ]  # fmt: skip
        assert {(await receipt).code for receipt in receipts} == {None}
    steward = await _reader(office, "steward", scope=frozenset({("building", "b-07")}))
    reader, keeper = await _reader(office, "reader"), await _reader(office, "secret_keeper")
    gone = "DG-ACC-007"
    closed = {"own": gone, "other": gone, "secret": gone, "plain": gone, "none": gone}
    assert await _codes(office, steward) == {**closed, "own": None}
    assert await _codes(office, reader) == {"own": None, "other": None, "plain": None, "secret": gone, "none": gone}
    assert await _codes(office, keeper) == {**closed, "secret": None}
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        records = await Records(database).get(list(INTAKES))
        pages = {name: {ref.page for ref in record.keys.values()} for name, record in records.items()}
        secret = pages.pop(f"secret-{TAG}")
        assert secret.isdisjoint(set().union(*pages.values()))
        found = await Pages(database).get(secret)
        assert all(page.cohort.startswith("secret/") for page in found.values())
