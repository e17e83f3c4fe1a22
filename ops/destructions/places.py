"""Each place that holds something of a record, and what a destruction does there (``--dry-run``; clause DES-07)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ops.backups.places import listed_places
from ops.custody.checklist import checklist
from schemas.errors import DanganError
from schemas.settings import Settings
from store.database import Database
from store.shares import outgoing
from store.traces import Traces


@dataclass(frozen=True, slots=True)
class Place:
    """A place, how much is there (empty when that is not counted), and what happens there."""

    name: str
    there: str
    happens: str


def everywhere() -> list[Place]:
    """What happens in each place, whatever the store says."""
    return [
        Place("live key pages", "", "each page gets a new key and loses the records' slots, at once"),
        Place("workers' memory", "", "page keys are wiped within 60 seconds"),
        Place("destruction ledger", "", "an entry each: the fence against re-creation, never removed"),
        Place("database journal, oplog", "", "unreadable after the next sweep of the levels' roots"),
        Place("Kafka topics and dead letters", "", "unreadable after the ingest keys that sealed them are destroyed"),
        Place("replies", "", "sealed to their readers; Kafka drops them after 1 hour; readers keep what they read"),
        Place("audit stream", "", "stays: it names the records, and holds nothing of their content"),
        Place(
            "Vault's own snapshots",
            "",
            "hold old root versions until they are gone: the certificate names place and date",
        ),
    ]


async def here(settings: Settings, database: Database, records: Collection[str]) -> list[Place]:
    """The same with counts from the store, the backup places and the media ledger."""
    counts = await Traces(database).count(records)
    items = await checklist(database, records)
    live = [
        Place("records with history and search tokens", str(counts.live), "erased at once; a tombstone stays"),
        Place("attachments", str(counts.attachments), "every part erased at once"),
        Place("proposed corrections", str(counts.proposals), "erased at once"),
        Place("index and archive codes", str(counts.entries), "the entry goes at once; the code is never given again"),
        Place("merged parts, waiting duplicates", str(counts.kin), "destroyed too: the request must name them"),
        Place(
            "grants that name a record", str(counts.grants), "read nothing any more; the grant itself holds no content"
        ),
        Place("notices of new versions", str(counts.notices), "name the record only; cleared with it"),
    ]
    shares = [
        Place(f"share {each.id}", each.state, "recalled, and its deletion confirmed, before the job is closed")
        for each in await outgoing(database, records)
    ]
    outside = [
        Place(
            f"paper and media: {item.reference or 'nothing is known of any paper'}",
            item.state,
            "nothing left to do"
            if item.done
            else "destroyed by people, or its absence stated, before the job is closed",
        )
        for item in items
    ]
    try:
        backups = [
            Place(f"backups in {each.name}", "", "unreadable for these records after the next sweep")
            for each in listed_places(settings).place
        ]
    except DanganError as error:
        backups = [Place("backup places", error.code, "cannot be listed: mend places.toml")]
    return [*live, *everywhere(), *backups, *shares, *outside]
