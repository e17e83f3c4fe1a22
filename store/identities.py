"""One archive per identity (唯一性, ARR-13): a second record of the same customer is kept as a duplicate.

The unique index on ``identity`` decides, so no collect looks anything up before its insert, and of two that arrive at
once exactly one becomes the archive. What lost is inserted again without identity, at stage ``duplicate``: whole,
read by nobody, and in the queue of the archive department (store/merges.py) by its own document.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from schemas.errors import Transient
from store.database import Database, in_parts
from store.record import Occupied, Record
from store.records import Records
from store.ties import archive_kin

#: An archive may be destroyed between the insert that met it and the look at who it is; not often.
_ROUNDS: Final = 4


class Identities:
    """Inserts records and finds out whose duplicates they are.

    Args:
        database: where the records are.
        records: inserts them.
    """

    def __init__(self, database: Database, records: Records) -> None:
        self._collection = database["records"]
        self._kin = archive_kin(database)
        self._records = records

    async def insert(self, records: Sequence[Record]) -> tuple[dict[str, Occupied], dict[str, str]]:
        """Insert new records, those of a customer who has an archive as its duplicates.

        Returns:
            record id -> what stood under that id already; and record id -> the archive that it duplicates.

        Raises:
            Transient: DG-STO-001 when what is in the way cannot be read yet; insert the same records again.
        """
        standing: dict[str, Occupied] = {}
        duplicates: dict[str, str] = {}
        todo = list(records)
        for _round in range(_ROUNDS):
            clashes = await self._records.insert(todo)
            standing.update({record: found for record, found in clashes.items() if found is not None})
            rivals = [record for record in todo if record.id in clashes and clashes[record.id] is None]
            if not rivals:
                return standing, {name: of for name, of in duplicates.items() if name not in standing}
            holders = await self.holders([key for record in rivals for key in record.identity])
            todo = []
            for record in rivals:
                of = next((holders[key] for key in record.identity if key in holders), record.id)
                if of != record.id:
                    duplicates[record.id] = of
                    todo.append(replace(record, identity=(), stage="duplicate", duplicate_of=of))
                else:  # nobody has it any more
                    todo.append(record)
            await self._kin.tie((of, record) for record, of in duplicates.items())
        raise Transient("DG-STO-001", detail="an archive is not readable yet")

    async def holders(self, keys: Collection[bytes]) -> dict[bytes, str]:
        """Which archive has which identity key; of a merged record's the archive that it is part of."""
        found: dict[bytes, str] = {}
        for part in in_parts(keys):
            async for doc in self._collection.find({"identity": {"$in": part}}, {"identity": 1, "part_of": 1}):
                found.update({bytes(key): str(doc.get("part_of", doc["_id"])) for key in doc["identity"]})
        return found
