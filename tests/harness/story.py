"""One whole life: customers collected, updated, read; two destroyed; swept. What was seen before and after.

It takes long (services, a worker, a sweep that waits for senders), so it is told once and several tests look at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keys.roots import INGEST_ROOT, root_of
from ops.embedded.stack import Stack
from ops.rules import load_rules
from schemas.levels import Level
from tests.harness.aftermath import drain
from tests.harness.canaries import Search, canaries_of, canary_customer
from tests.harness.customers import Fields, customer, stored
from tests.harness.office import PURPOSE, Office, grant_id, open_office
from tests.harness.smuggler import collect, smuggler
from tests.harness.thief import Loot, Thief, snapshot_ingest_keys, snapshot_pages, steal
from tests.harness.workers import Worker, dangan

#: In every text of the two marked customers; one is destroyed, the other stays.
MARKERS = {"life-000": "XQJVANISHKZ", "life-001": "XQJREMAINKZ"}
DESTROYED = ("life-000", "life-010")
CUSTOMERS = 24

Findings = Mapping[str, set[str]]


@dataclass(frozen=True)
class Seen:
    """What one search of everything found: place -> values."""

    files: Findings
    topics: Findings
    database: Findings


@dataclass(frozen=True)
class Reading:
    """What the thief read: fields by record, and the bundles of Kafka's history."""

    records: Mapping[str, Fields]
    bundles: tuple[bytes, ...]


@dataclass(frozen=True)
class Story:
    """Everything that was seen.

    Attributes:
        stack: still running.
        search: the search that was used.
        customers: every collected record's fields, as the archive keeps them at last.
        before, after: the destruction and its sweep; ``middle``: destroyed, not swept.
        brought_back: what Vault said when the thief asked for old versions.
        survivors: old data read with the newest key-page snapshots, by somebody with all rights.
    """

    stack: Stack
    office: Office
    search: Search
    customers: Mapping[str, Fields]
    loot: Loot
    seen_before: Seen
    seen_after: Seen
    read_before: Reading
    read_middle: Reading
    read_after: Reading
    brought_back: Mapping[str, str]
    survivors: Reading
    certificates: tuple[str, ...]


async def tell(stack: Stack, scratch: Path) -> Story:
    """Live through it; ``scratch`` is an empty folder outside of the stack's."""
    office = await open_office(stack.settings)
    catalogue = load_rules().catalogue
    given = {f"life-{at:03d}": customer(at) for at in range(CUSTOMERS)}
    given |= {name: canary_customer(int(name[-3:]), marker) for name, marker in MARKERS.items()}
    # what is searched for: as it was sent and as it is kept
    values = {
        value
        for name, marker in MARKERS.items()
        for fields in (given[name], stored(given[name], catalogue))
        for value in canaries_of(fields, marker)
    }
    search = Search(values)
    thief = Thief(stack.settings, stack.root_token.get_secret_value(), catalogue)
    with Worker(stack.home, "story") as worker:
        await asyncio.to_thread(worker.wait_started)
        kept = await _live(office, given)
        await drain(stack.settings)
        loot = await steal(stack, scratch / "loot")
        seen_before = await _look(stack, search)
        read_before = await _read(thief, loot)
        await _destroy(office)
        read_middle = await _read(thief, loot)
        await asyncio.to_thread(sweep, stack.home)
        read_after = await _read(thief, loot)
        said = await thief.bring_back([*(root_of(level) for level in Level), INGEST_ROOT])
        places = stack.settings.backup_places
        survivors = Reading(
            await thief.records(loot.records, snapshot_pages(places)),
            tuple(await thief.bundles(snapshot_ingest_keys(places), loot.messages)),
        )
        seen_after = await _look(stack, search)
    certificates = tuple(file.read_text("ascii").strip() for file in (stack.home / "certificates").glob("*.jws"))
    return Story(
        stack,
        office,
        search,
        {name: stored(fields, catalogue) for name, fields in kept.items()},
        loot,
        seen_before,
        seen_after,
        read_before,
        read_middle,
        read_after,
        said,
        survivors,
        certificates,
    )


async def _live(office: Office, given: Mapping[str, Fields]) -> dict[str, Fields]:
    """Collect, update with telling reasons, read, have some things refused and some put aside."""
    kept = {name: dict(fields) for name, fields in given.items()}
    common = {"purpose": PURPOSE, "legal_basis": "contract"}
    async with office.publisher() as publisher, asyncio.timeout(90):
        made = [
            await publisher.collect(record=name, subject=f"of-{name}", fields=fields, **common)
            for name, fields in given.items()
        ]
        assert {(await receipt).status for receipt in made} == {"accepted"}
        for name, marker in MARKERS.items():
            change = {"city": f"{marker} moved to another city", "interests": None}
            updated = await publisher.update(
                record=name, from_version=1, reason=f"{marker} told us so", evidence="doc-1", fields=change
            )
            assert (await updated).version == 2
            kept[name] = {k: v for k, v in {**kept[name], **change}.items() if v is not None}
            fields = list(given[name])
            grant = grant_id(office.crm.principal)
            read = await publisher.access(record=name, grant=grant, purpose=PURPOSE, fields=fields)
            assert (await read).values
            # refused: the values come along in the command, the answer and the event must not repeat them
            wrong = {**given[name], "id_number": f"{marker}-no-number"}
            refused = await publisher.collect(record=f"{name}-not", subject="of-nobody", fields=wrong, **common)
            assert (await refused).code == "DG-COL-002"
    by = await smuggler(office.settings, office.crm)
    broken = [collect(name, fields=fields, surprise=MARKERS.get(name, "")) for name, fields in list(given.items())[:2]]
    await by.send([by.parcel(commands=broken), by.parcel(commands=broken, content_type=b"text/plain")])
    return kept


async def _destroy(office: Office) -> None:
    parts = office.destroy_parts(DESTROYED, "asked for by the subject")
    async with office.publisher(office.archivist) as publisher, asyncio.timeout(60):
        assert (await (await publisher.destroy(**parts))).status == "accepted"
    await drain(office.settings)


async def _look(stack: Stack, search: Search) -> Seen:
    """Search every byte below the home, every topic and every collection."""
    files = await asyncio.to_thread(search.below, stack.home)
    return Seen(files, await search.in_topics(stack.settings), await search.in_database(stack.settings))


async def _read(thief: Thief, loot: Loot) -> Reading:
    return Reading(
        await thief.records(loot.records, loot.pages), tuple(await thief.bundles(loot.ingest_keys, loot.messages))
    )


def sweep(home: Path, *options: str, within: float = 150.0) -> None:
    """``dangan sweep --all --rotate-ingest``, to its end."""
    log = home / "sweep.log"
    done = dangan(home, "sweep", "--all", "--rotate-ingest", *options, log=log)
    try:
        assert done.wait(within) == 0, log.read_text("utf-8")[-1500:]
    finally:
        done.kill()
        done.wait()
