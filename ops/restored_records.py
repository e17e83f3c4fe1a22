"""What restored records contradict: they come from the backup, and what was kept about them is newer, or is missing.

A backup looks at one record after the other while the archive is at work, so it may show two moments at once: of an
identity that one archive gave up and another took over it can show both holders.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from store import records
from store.database import Database, Document, in_parts
from store.ties import archive_kin

_AT_ONCE: Final = 1000


async def one_archive_each(database: Database) -> list[str]:
    """Leave an identity to the record that came first; the others are its duplicates, for a person to decide about.

    A record that is linked to others already keeps its stage, and loses the identity only.

    Args:
        database: the restored one, whose records have no indexes yet; they do afterwards.

    Returns:
        The ids of the records that lost their identity.
    """
    lost: list[str] = []
    try:
        await records.ensure_indexes(database)
    except DuplicateKeyError:  # only now is it worth a look at every record
        lost = await _give_up_identities(database)
        await records.ensure_indexes(database)
    return lost


async def let_read_what_was_checked(database: Database) -> None:
    """End the state ``checking``: whoever was looking, in the archive that was backed up, looks no more.

    To be called once the records that rest on a withdrawn consent are marked.
    """
    await database["records"].update_many({"consent_state": "checking"}, {"$unset": {"consent_state": ""}})


async def drop_undone_notices(database: Database) -> None:
    """Drop the notices of versions that the restored records do not have.

    Such a version will be made once more, by another update, and its readers have to be told of that.
    """
    batch: list[tuple[str, str, int]] = []
    async for doc in database["notices"].find({}, {"record": 1, "version": 1}):
        batch.append((doc["_id"], doc["record"], doc["version"]))
        if len(batch) == _AT_ONCE:
            await _drop_undone(database, batch)
            batch = []
    await _drop_undone(database, batch)


async def _drop_undone(database: Database, notices: list[tuple[str, str, int]]) -> None:
    standing = await records.Records(database).occupied({record for _, record, _ in notices})
    undone = []
    for name, record, version in notices:
        stands = standing.get(record)
        if stands is None or (stands.live and version > stands.version):
            undone.append(name)
    for part in in_parts(undone):
        await database["notices"].delete_many({"_id": {"$in": part}})


async def _give_up_identities(database: Database) -> list[str]:
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    async for doc in database["records"].find({"identity": {"$exists": True}}, {"identity": 1}):
        own = {bytes(key) for key in doc["identity"]}
        twice |= own & seen
        seen |= own
    wanted = {"identity": 1, "at": 1, "part_of": 1, "parts": 1}
    found = {
        doc["_id"]: doc
        for part in in_parts(twice)
        async for doc in database["records"].find({"identity": {"$in": part}}, wanted)
    }
    holders: dict[bytes, Document] = {}
    lost = []
    for doc in sorted(found.values(), key=lambda each: (each["at"], each["_id"])):
        keys = [bytes(key) for key in doc["identity"]]
        rival = next((holders[key] for key in keys if key in holders), None)
        if rival is None:
            holders.update(dict.fromkeys(keys, doc))
        else:
            await _give_up(database, doc, str(rival.get("part_of", rival["_id"])))
            lost.append(doc["_id"])
    return lost


async def _give_up(database: Database, doc: Document, of: str) -> None:
    change: dict[str, dict[str, Any]] = defaultdict(dict)
    change["$unset"]["identity"] = ""
    if not doc.get("part_of") and not doc.get("parts"):
        await archive_kin(database).tie([(of, doc["_id"])])
        change["$set"] = {"stage": "duplicate", "duplicate_of": of}
    await database["records"].update_one({"_id": doc["_id"]}, dict(change))
