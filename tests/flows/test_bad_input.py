"""Bad input on the real path: every message ends under its stable code, is audited, stores nothing, stops nobody."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.okp import PublicIngestKey, ReceivingKey, SigningKey
from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.registry import deactivate, register
from schemas import wire
from schemas.levels import Level
from store.database import connect
from tests.harness.aftermath import audit_events, by_command, drain, messages_of, telling_of
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_id, public
from tests.harness.smuggler import Parcel, Smuggler, collect, smuggler
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

Make = Callable[[Smuggler], Parcel]


def _stranger() -> PublicIngestKey:
    key = ReceivingKey.generate()
    return PublicIngestKey(key.kid, key.x)


def _cut(parcel: Parcel, at: int) -> Parcel:
    assert parcel.value is not None
    return replace(parcel, value=parcel.value[:at])


def _altered(parcel: Parcel) -> Parcel:
    assert parcel.value is not None
    head, key, iv, body, tag = parcel.value.split(b".")
    middle = len(body) // 2
    other = b"A" if body[middle : middle + 1] != b"A" else b"B"
    return replace(parcel, value=b".".join((head, key, iv, body[:middle] + other + body[middle + 1 :], tag)))


#: What is sent, and the code it must end under.
UNREADABLE: dict[str, tuple[str, Make]] = {
    "sealed to a key nobody has": ("DG-WIR-004", lambda s: s.parcel(ingest_key=_stranger())),
    "larger than a worker opens, smaller than the broker refuses": (
        "DG-WIR-002",
        lambda s: s.parcel(payload=b'{"commands":[' + b" " * 700_000 + b"]}"),
    ),
    "cut short": ("DG-WIR-003", lambda s: _cut(s.parcel(), -40)),
    "cut in half": ("DG-WIR-003", lambda s: _cut(s.parcel(), 700)),
    "altered on the way": ("DG-WIR-005", lambda s: _altered(s.parcel())),
    "signed with a key that is not the one it names": (
        "DG-WIR-008",
        lambda s: s.parcel(signing_key=SigningKey(s.sender.signing.kid, Ed25519PrivateKey.generate())),
    ),
    "signed by nobody we know": ("DG-WIR-007", lambda s: s.parcel(signing_key=SigningKey.generate())),
    "not JSON inside": ("DG-WIR-010", lambda s: s.parcel(payload=b"\xff{not json")),
    "a member twice": ("DG-WIR-010", lambda s: s.parcel(payload=b'{"commands":[],"commands":[]}')),
    "breaking the schema": ("DG-WIR-011", lambda s: s.parcel(commands=[collect("smuggled-x", surprise=1)])),
    "no fields": ("DG-WIR-011", lambda s: s.parcel(commands=[collect("smuggled-x", fields={})])),
    "one good and one broken command": (
        "DG-WIR-011",
        lambda s: s.parcel(record="smuggled-half", commands=[collect("smuggled-half"), {"type": "collect"}]),
    ),
    "257 commands": (
        "DG-WIR-012",
        lambda s: s.parcel(commands=[collect(f"smuggled-{at:03d}", fields={"city": "x"}) for at in range(257)]),
    ),
    "no commands": ("DG-WIR-012", lambda s: s.parcel(payload=b'{"commands":[]}')),
    "signed before its key was valid": ("DG-WIR-009", lambda s: s.parcel(age=3600)),
    "signed in the future": ("DG-WIR-013", lambda s: s.parcel(age=-3600)),
    "another family's type": ("DG-WIR-014", lambda s: s.parcel(ce_type=b"archive.update.v1")),
    "another family's commands": (
        "DG-WIR-014",
        lambda s: s.parcel(commands=[{"id": str(uuid.uuid4()), "type": "destroy", "records": ["smuggled-x"]}]),
    ),
    "another content type": ("DG-WIR-001", lambda s: s.parcel(content_type=b"application/json")),
    "plain JSON": ("DG-WIR-003", lambda s: replace(s.parcel(), value=b'{"commands":[{"type":"collect"}]}')),
    "no value": ("DG-WIR-003", lambda s: replace(s.parcel(), value=None)),
    "no value and no headers": ("DG-WIR-001", lambda s: Parcel("collect", None, [])),
    "headers of another bundle": ("DG-WIR-015", lambda s: s.parcel(ce_id=str(uuid.uuid4()).encode())),
    "headers of another sender": ("DG-WIR-015", lambda s: s.parcel(ce_source=b"sys:somebody-else")),
    "no time": ("DG-WIR-015", lambda s: s.parcel(ce_time=None)),
}

#: Found only behind a signature that holds: the event names the sender, otherwise nobody.
SIGNED = {"DG-WIR-010", "DG-WIR-011", "DG-WIR-012"}

#: Too large, or not of a sealed bundle's form: of those no value is kept.
UNSEALED = {"DG-WIR-002", "DG-WIR-003"}


async def test_each_unreadable_message_ends_in_the_dead_letters_and_the_worker_goes_on(
    office: Office, worker: Worker
) -> None:
    by = await smuggler(office.settings, office.crm)
    cases = [(name, code, make(by)) for name, (code, make) in UNREADABLE.items()]
    retired = PrincipalKeys.generate(f"sys:retired-{uuid.uuid4().hex[:6]}")
    async with desk(office.settings) as at:
        now = int(time.time())
        await register(
            at,
            public(retired),
            roles=("collector",),
            department="retail",
            clearance=Level.CORE,
            person=False,
            now=now,
        )
        await deactivate(at, retired.principal, now=now)
    cases.append(("signed with a revoked key", "DG-WIR-009", replace(by, sender=retired).parcel()))
    good = [by.parcel() for _ in range(len(cases) + 1)]
    pid = worker.pid
    # good ones between the bad ones, on the same partition: what one message does to its neighbours would show
    mixed = [parcel for pair in zip(good, (parcel for *_, parcel in cases), strict=False) for parcel in pair]
    places = (await by.send([*mixed, good[-1]]))[1::2]
    await drain(office.settings)
    assert worker.pid == pid, worker.tail()

    letters = {
        dict(letter.headers)["dg_place"].decode(): letter
        for letter in await messages_of(office.settings, wire.TOPIC_DEAD_LETTERS)
    }
    events = by_command(await audit_events(office.settings))
    for (name, code, parcel), place in zip(cases, places, strict=True):
        letter = letters[place]
        assert dict(letter.headers)["dg_code"].decode() == code, name
        kept = code not in UNSEALED and name != "no value and no headers"
        assert letter.value == (parcel.value if kept else b""), name
        assert kept != ("dg_sha256" in dict(letter.headers)), name
        (event,) = telling_of(events, place, code)
        assert (event["status"], event["status_code"]) == ("Failure", code), name
        # of those whose sender is not known one event may stand for several
        signed = code in SIGNED or name == "another family's commands"
        who = {"uid": office.crm.principal} if signed else {"name": "unknown", "type_id": 0}
        assert event["actor"]["user"] == who, name
    ids = await _record_ids(office, "^smuggled-")
    assert ids == {parcel.record for parcel in good}


async def test_a_replayed_bundle_changes_nothing_and_is_told_so(office: Office, worker: Worker) -> None:
    by = await smuggler(office.settings, office.crm)
    command = collect("replayed-1")
    original = by.parcel(record="replayed-1", commands=[command])
    read = {
        "id": str(uuid.uuid4()),
        "type": "access",
        "record": "replayed-1",
        "grant": grant_id(office.crm.principal),
        "purpose": PURPOSE,
        "fields": ["name"],
    }
    await by.send([original, original])
    await drain(office.settings)
    asked = by.parcel("access", commands=[read])
    await by.send([asked])
    await drain(office.settings)
    await by.send([asked])
    await drain(office.settings)
    events = by_command(await audit_events(office.settings))
    told = sorted((e["status"], e.get("status_code", "")) for e in events[command["id"]].values())
    assert told == [("Success", ""), ("Success", "DG-CMD-002")]
    told = sorted((e["status"], e.get("status_code", "")) for e in events[read["id"]].values())
    assert told == [("Failure", "DG-CMD-003"), ("Success", "")]


#: What is asked for, and the code of the refusal: the sender gets it, with the field where there is one.
REFUSED: dict[str, tuple[str, str | None, dict[str, object]]] = {
    "a field nobody knows": ("DG-COL-001", "shoe_size", {"fields": {"shoe_size": 43}}),
    "an identity number that cannot be": ("DG-COL-002", "id_number", {"fields": {"id_number": "110101190001011234"}}),
    "a field the purpose does not need": ("DG-COL-005", "id_number", {"purpose": "marketing"}),
    "a purpose nobody knows": ("DG-COL-006", None, {"purpose": "curiosity"}),
    "a telephone number as the record's id": ("DG-COL-007", None, {"record": "13800138000"}),
}


async def test_each_refused_command_is_answered_audited_and_not_stored(office: Office, worker: Worker) -> None:
    base = {"purpose": PURPOSE, "legal_basis": "contract", "fields": {"id_number": customer(1)["id_number"]}}
    receipts = {}
    async with office.publisher() as publisher, office.publisher(office.archivist) as other:
        for at, (name, (_, _, changes)) in enumerate(REFUSED.items()):
            parts = {"record": f"refused-{at}", "subject": "subject-1", **base, **changes}
            receipts[name] = await publisher.publish("collect", parts)
        neighbour = await publisher.publish("collect", {"record": "refused-not", "subject": "subject-2", **base})
        forbidden = await other.publish("collect", {"record": "refused-role", "subject": "subject-3", **base})
        unread = await publisher.access(record="refused-not", grant="no-such-grant", purpose=PURPOSE, fields=["name"])
        async with asyncio.timeout(30):
            results = {name: await receipt for name, receipt in receipts.items()}
            assert (await neighbour).status == "accepted"
            results["not allowed to"], results["no grant"] = await forbidden, await unread
    expected = {name: (code, where) for name, (code, where, _) in REFUSED.items()}
    expected |= {"not allowed to": ("DG-CMD-004", None), "no grant": ("DG-ACC-001", None)}
    assert {name: (result.code, result.field) for name, result in results.items()} == expected
    assert all(result.status == "refused" and result.next_step for result in results.values())
    events = by_command(await audit_events(office.settings))
    for name, receipt in receipts.items():
        (event,) = events[receipt.command_id].values()
        assert (event["status"], event["status_code"]) == ("Failure", expected[name][0])
    assert await _record_ids(office, "^refused-|^13800138000") == {"refused-not"}


async def test_updates_handed_over_without_waiting_are_applied_in_their_order(office: Office, worker: Worker) -> None:
    """What the publisher promises: commands of one family about one record stay in order, over many bundles."""
    async with office.publisher(bundle_commands=3, linger=0.0) as publisher, asyncio.timeout(60):
        parts = {"subject": "subject-1", "purpose": PURPOSE, "legal_basis": "contract", "fields": {"city": "0"}}
        made = [await publisher.collect(record=f"ordered-{at}", **parts) for at in range(6)]
        assert {(await one).status for one in made} == {"accepted"}
        updates = [
            await publisher.update(
                record=f"ordered-{at}",
                from_version=version,
                reason="moved",
                evidence="doc-1",
                fields={"city": str(version)},
            )
            for version in range(1, 13)
            for at in range(6)
        ]
        results = [await one for one in updates]
    assert [(r.status, r.version) for r in results] == [("accepted", v + 1) for v in range(1, 13) for _ in range(6)]


async def _record_ids(office: Office, pattern: str) -> set[str]:
    settings = office.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return {doc["_id"] async for doc in database["records"].find({"_id": {"$regex": pattern}}, {"_id": 1})}
