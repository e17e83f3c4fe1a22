"""Operators' acts on the real services: what is refused, what two at once do, and what their events say."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from keys.principal_keys import PrincipalKeys
from ops import registry
from ops.audit_taken_out import concerns, taken_out
from ops.audited import Desk, desk, stored_digest
from ops.detect.source import events_on_topic
from ops.embedded.stack import Stack
from ops.public_keys import PublicKeys
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Grant, Principal
from schemas.topics import AUDIT
from store import principals
from store.holds import Hold, Holds
from store.principals import Grants, Principals
from streams.audit.reader import open_topic
from streams.kafka import kafka_of

pytestmark = pytest.mark.flow
NOW = int(time.time())
DAY_MS = 86_400_000


@pytest.fixture
async def at(stack: Stack) -> AsyncIterator[Desk]:
    """An operator's desk over a database of its own."""
    settings = stack.settings.model_copy(update={"mongo_database": f"t{uuid.uuid4().hex[:12]}"})
    async with desk(settings, operator="ops:tester") as opened:
        await principals.ensure_indexes(opened.database)
        yield opened
        await opened.database.client.drop_database(settings.mongo_database)


def public(keys: PrincipalKeys, name: str | None = None) -> PublicKeys:
    return PublicKeys(name or keys.principal, keys.signing.x, keys.receiving.x)


async def register(at: Desk, keys: PublicKeys, *roles: str) -> Principal:
    return await registry.register(
        at, keys, roles=roles or ("reader",), department="retail", clearance=Level.BASIC, person=False, now=NOW
    )


def a_grant(holder: str, name: str = "grant-1") -> Grant:
    return Grant(
        name, holder, frozenset({"rec-1"}), frozenset({"name", "phone"}), frozenset({"phone"}), "service", NOW, NOW + 60
    )


async def test_a_revoked_key_never_comes_back(at: Desk) -> None:
    stolen, fresh = PrincipalKeys.generate("sys:crm"), PrincipalKeys.generate("sys:crm")
    await register(at, public(stolen))
    await registry.deactivate(at, "sys:crm", now=NOW)
    half_stolen = PublicKeys("sys:crm", fresh.signing.x, stolen.receiving.x)
    for keys in (public(stolen), public(stolen, "sys:other"), half_stolen):
        with pytest.raises(DanganError, match="DG-OPS-037"):
            await register(at, keys)
    again = await register(at, public(fresh))
    assert again.active
    old = again.signing_key(stolen.signing.kid)
    assert old is not None
    assert old.revoked_at == NOW


async def test_a_key_has_one_owner(at: Desk) -> None:
    keys = PrincipalKeys.generate("sys:crm")
    await register(at, public(keys))
    with pytest.raises(DanganError, match="DG-OPS-037"):
        await register(at, public(keys, "sys:other"))
    renewed = await register(at, public(keys), "collector")
    assert renewed.roles == {"collector"}
    assert len(renewed.signing_keys) == 1


async def test_two_at_once_cannot_register_one_key(at: Desk) -> None:
    keys = PrincipalKeys.generate("sys:crm")
    names = [f"sys:n{number}" for number in range(6)]
    done = await asyncio.gather(*(register(at, public(keys, name)) for name in names), return_exceptions=True)
    assert sum(isinstance(each, Principal) for each in done) == 1
    assert {each.code for each in done if isinstance(each, DanganError)} <= {"DG-OPS-037", "DG-OPS-039"}
    assert len(await Principals(at.database).all()) == 1


async def test_a_stale_registration_does_not_undo_a_deactivation(at: Desk) -> None:
    await register(at, public(PrincipalKeys.generate("sys:crm")))
    store = Principals(at.database)
    seen, version = await store.versioned("sys:crm")
    assert seen is not None
    await registry.deactivate(at, "sys:crm", now=NOW)
    assert not await store.put(replace(seen, roles=frozenset({"editor"})), if_version=version)
    assert not await store.put(seen)
    now = await store.get("sys:crm")
    assert now is not None
    assert not now.active


async def test_registrations_and_a_deactivation_at_once_leave_the_old_keys_revoked(at: Desk) -> None:
    first = PrincipalKeys.generate("sys:crm")
    await register(at, public(first))
    await asyncio.gather(
        *(register(at, public(PrincipalKeys.generate("sys:crm"))) for _ in range(4)),
        registry.deactivate(at, "sys:crm", now=NOW),
        return_exceptions=True,
    )
    now = await Principals(at.database).get("sys:crm")
    assert now is not None
    key = now.signing_key(first.signing.kid)
    assert key is not None
    assert key.revoked_at == NOW


async def test_a_grant_is_made_once(at: Desk) -> None:
    await register(at, public(PrincipalKeys.generate("sys:crm")))
    await registry.give(at, a_grant("sys:crm"))
    await registry.recall(at, "grant-1", now=NOW)
    wider = replace(a_grant("sys:crm"), fields=frozenset("*"), clear=frozenset("*"))
    with pytest.raises(DanganError, match="DG-OPS-038"):
        await registry.give(at, wider)
    assert not await Grants(at.database).put(wider)
    kept = (await Grants(at.database).get(["grant-1"]))["grant-1"]
    assert kept == replace(a_grant("sys:crm"), recalled_at=NOW)


async def events_of(at: Desk, since_ms: int) -> list[dict[str, Any]]:
    """What this test's operator left on the audit topic."""
    found = []
    async with open_topic(kafka_of(at.settings), AUDIT, since_ms=since_ms) as topic:
        async for entries in topic.to_the_end():
            for entry in entries:
                event = orjson.loads(entry.value)
                if event.get("actor", {}).get("user", {}).get("uid") == at.operator:
                    found.append(event)
    return found


async def test_every_act_leaves_an_event_of_its_own_kind(at: Desk) -> None:
    at, since = replace(at, operator=f"ops:{uuid.uuid4().hex}"), int(time.time() * 1000) - 1000
    first, second = PrincipalKeys.generate("sys:crm"), PrincipalKeys.generate("sys:crm")
    await register(at, public(first), "reader", "collector")
    await register(at, public(first))
    await registry.give(at, a_grant("sys:crm"))
    await registry.recall(at, "grant-1", now=NOW)
    for until in (None, NOW + 60):
        await registry.hold(at, Hold("rec-1", "court-7", "case-2026-12", until))
    await registry.lift(at, "rec-1")
    await registry.deactivate(at, "sys:crm", now=NOW)
    await register(at, public(second))
    own = [event["unmapped"]["dangan"] for event in await events_of(at, since)]
    assert [(each["action"], each["verb"]) for each in own] == [
        ("principal", "register"),
        ("principal", "renew"),
        ("grant", "give"),
        ("recall", "recall"),
        ("hold", "place"),
        ("hold", "replace"),
        ("hold", "lift"),
        ("principal", "deactivate"),
        ("principal", "reactivate"),
    ]
    assert own[0]["roles"] == ["collector", "reader"]
    given = own[2]
    assert (given["reader"], given["purpose"]) == ("sys:crm", "service")
    assert (given["fields"], given["clear"]) == (["name", "phone"], ["phone"])
    stored = await at.database["grants"].find_one({"_id": "grant-1"})
    assert stored is not None
    assert stored.pop("signature") is None  # a worker's, and not an administrator's to make
    assert given["digest"] == stored_digest({**stored, "recalled_at": None})
    registered = await at.database["principals"].find_one({"_id": "sys:crm"})
    assert registered is not None
    assert registered.pop("signature")  # which is over the rest (keys/stored_signatures.py)
    assert own[8]["digest"] == stored_digest(registered)
    assert own[5]["digest"] == own[6]["digest"] != own[4]["digest"]


async def test_what_is_refused_leaves_no_event(at: Desk) -> None:
    at, since = replace(at, operator=f"ops:{uuid.uuid4().hex}"), int(time.time() * 1000) - 1000
    number = "13800138000"
    acts = (
        registry.hold(at, Hold(number, "court-7", "case-1", None)),
        registry.hold(at, Hold("rec-1", number, "case-1", None)),
        registry.hold(at, Hold("rec-1", "court-7", "zhang@example.org", None)),
        registry.lift(at, number),
        registry.lift(at, "rec-unheld"),
        registry.recall(at, number, now=NOW),
        registry.recall(at, "grant-none", now=NOW),
        registry.give(at, a_grant("sys:crm", number)),
        registry.give(at, replace(a_grant("sys:crm"), records=frozenset({number}))),
        registry.give(at, a_grant("sys:nobody")),
        registry.deactivate(at, number, now=NOW),
        register(at, public(PrincipalKeys.generate(number))),
        register(at, public(PrincipalKeys.generate("sys:crm")), number),
    )
    for act in acts:
        with pytest.raises(DanganError) as caught:
            await act
        assert caught.value.code in {"DG-OPS-036", "DG-OPS-031"}
        assert number not in str(caught.value)
    assert await events_of(at, since) == []
    assert await Holds(at.database).all() == []


@pytest.mark.clause("AUD-08")
async def test_a_hold_that_was_taken_out_of_the_database_is_found_and_a_refused_one_is_not_missed(at: Desk) -> None:
    names = [f"rec-{uuid.uuid4().hex}" for _ in range(3)]
    stands, stolen, refused = (Hold(name, "court-7", "case-2026-12", None) for name in names)
    await registry.hold(at, stands)
    await registry.hold(at, stolen)
    await at.database["holds"].delete_one({"_id": stolen.record})
    await at.database["ledger"].insert_one({"_id": refused.record})
    with pytest.raises(DanganError, match="DG-DES-007"):
        await registry.hold(at, refused)
    standing = {hold.record: hold for hold in await Holds(at.database).all()}
    events = await events_on_topic(kafka_of(at.settings), None, wanted=concerns)
    gone = taken_out(events, standing, {}, {}, now_ms=int(time.time() * 1000) + DAY_MS)
    assert [(one.what, one.name) for one in gone if one.name in names] == [("hold", stolen.record)]
