"""The floor of collecting: the very documents the worker stored, inserted again by a loop that does nothing else."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from benchmarks.scene import Scene
from benchmarks.sealed import chunks
from store.database import Document


async def raw_insert(scene: Scene, documents: Sequence[Document], batch: int, *, indexes: bool = True) -> float:
    """Insert into a new collection, batch by batch, majority and journaled; return documents a second.

    The collection stays: dropping one takes the embedded store many seconds, in which the next run would be
    measured.

    Args:
        scene: whose store.
        documents: as the worker stored them.
        batch: documents in one ``insert_many``.
        indexes: whether the collection has the same indexes as ``records``.
    """
    target = scene.database[f"bench_{uuid.uuid4().hex[:8]}"]
    await target.insert_one({"_id": "made"})
    if indexes:
        for name, index in (await scene.database["records"].index_information()).items():
            if name != "_id_":
                options = {key: index[key] for key in ("sparse", "unique") if key in index}
                await target.create_index(list(index["key"]), name=name, **options)
    batches = list(chunks(documents, batch))
    start = time.monotonic()
    for each in batches:
        await target.insert_many(each, ordered=False)
    return len(documents) / (time.monotonic() - start)
