"""Sealed backups from before, during and after a sweep, with a live, an old or a lost database: what restores, what not.

Other rows: no snapshots but live pages, a destruction during the restore (test_backup.py), a chain and a lost place
(test_sealed_backups.py), every moment of a sweep (simulated: tests/keys/test_restored_sweeps.py).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from keys.places import Place
from keys.roots import root_of
from keys.sweep import advance, take
from keys.sweep_state import Step
from keys.sweep_tools import Tools
from keys.wrapped import LiveSlots, PageKeys
from ops.backups.places import approved_places
from schemas.errors import DanganError
from schemas.levels import Level
from store.database import connect
from store.dump import documents, load
from tests.flows.test_sealed_backups import Home, home, storage

pytestmark = [pytest.mark.flow, pytest.mark.clause("DES-07", "STO-08")]

__all__ = ["home", "storage"]

GONE, SURVIVORS = "rec-gone", ("rec-1", "rec-2", "rec-3")


@dataclass
class Story:
    """One archive, its backups by the moment at which they were taken, and what is lost of it."""

    home: Home
    backups: dict[str, str] = field(default_factory=dict)

    @property
    def places(self) -> list[Place]:
        return approved_places(self.home.settings)

    async def backup(self, moment: str) -> None:
        await asyncio.sleep(1.1 if self.backups else 0)  # a backup's name is its second
        await asyncio.to_thread(self.home.good, "backup", "run", "--kind", "full")
        self.backups[moment] = (await self.home.site.database["backups"].find().sort("_id", -1).to_list())[0]["_id"]

    async def begin(self) -> None:
        """Collected and backed up; then a record is forgotten, and the ingest key is ready to go."""
        site = self.home.site
        await site.new_ingest_key()
        await site.collect(GONE, *SURVIVORS)
        await self.backup("before")
        await site.forget(GONE)
        await site.new_ingest_key()

    async def sweep_until(self, step: Step) -> None:
        """Sweep the levels as far as that step, and no farther."""
        site = self.home.site
        tools = Tools(
            site.transit, site.sweeps, site.ledger, site.forgetter, self.places,
            clock=lambda: int(time.time()), new_id=lambda: uuid.uuid4().hex,
        )  # fmt: skip
        listing = LiveSlots(site.records)
        for level in Level:
            keys = PageKeys(level, site.pages, site.records, listing)
            await advance(tools, keys, await take(tools, keys.root, owner="killed"), until=step)

    async def sweep(self) -> None:
        """Sweep to the end, whatever was interrupted before."""
        self.home.site.places = self.places  # type: ignore[assignment]
        await self.home.site.sweep(force=True)

    async def lose_database(self, moment: str) -> None:
        """Put what mongorestore makes of a backup in the place of the live database."""
        plain = self.home.settings.home / f"plain-{uuid.uuid4().hex[:8]}"
        await asyncio.to_thread(self.home.good, "backup", "unseal", str(plain), "--backup", self.backups[moment])
        database = self.home.site.database
        for name in await database.list_collection_names():
            if name != "backups":  # the register stands for what people know of their backups
                await database[name].delete_many({})
        for file in sorted((plain / database.name).glob("*.bson")):
            if file.stem != "backups":
                with file.open("rb") as source:
                    await load(database, file.stem, documents(source))

    async def lose_snapshots(self) -> None:
        for place in self.places:
            for file in place.files():
                if file.endswith(".keys"):
                    place.remove(file)

    async def restored(self, moment: str) -> tuple[str, set[str]]:
        """How a restore of that backup ended: the refusal's code, or what it said; and what lives in its database."""
        into = f"r{uuid.uuid4().hex[:12]}"
        words = ("restore", "--into", into, "--backup", self.backups[moment])
        result = await asyncio.to_thread(self.home.dangan, *words)
        assert result.exception is None or isinstance(result.exception, (DanganError, SystemExit)), result.exception
        refused = isinstance(result.exception, DanganError)
        said = result.exception.code if refused else " ".join(result.output.split())  # type: ignore[union-attr]
        async with connect(self.home.settings.mongo_uri.get_secret_value(), into) as target:
            live = {doc["_id"] async for doc in target["records"].find({"state": "live"})}
            await target.client.drop_database(into)
        return str(said), live


async def during_then_finished(story: Story) -> None:
    await story.sweep_until(Step.FENCED)
    await story.backup("during")
    await story.sweep()


async def finished(story: Story) -> None:
    await story.sweep()
    await story.backup("after")


async def finished_then_lost(story: Story) -> None:
    await finished(story)
    await story.lose_database("before")


async def finished_then_lost_with_snapshots(story: Story) -> None:
    await finished_then_lost(story)
    await story.lose_snapshots()


async def trimmed_then_lost_to_the_middle(story: Story) -> None:
    await during_then_finished(story)
    await story.lose_database("during")


WHOLE = "restored 3, destroyed and left so 1"
ROWS: list[tuple[Callable[[Story], Awaitable[None]], str, str]] = [
    # what happened, which backup is restored, what is said
    (during_then_finished, "during", WHOLE),
    (trimmed_then_lost_to_the_middle, "during", WHOLE),
    # The ledger is lost, and here no audit event tells of the destruction: the record is told, and does not open.
    (finished_then_lost, "before", "restored 3, destroyed and left so 0, key pages 3 unreadable 1: rec-gone"),
    (finished_then_lost, "after", "DG-BAK-003"),
    (finished_then_lost_with_snapshots, "before", "DG-BAK-004"),
]


@pytest.mark.parametrize(("happened", "moment", "said"), ROWS, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_each_combination_restores_the_survivors_or_is_refused_with_its_reason(
    home: Home, happened: Callable[[Story], Awaitable[None]], moment: str, said: str
) -> None:
    story = Story(home)
    await story.begin()
    await happened(story)
    told, live = await story.restored(moment)
    assert said in told
    if said.startswith("DG-"):
        assert live == set()
    elif said == WHOLE:
        assert live == set(SURVIVORS)


async def test_a_database_lost_between_rehearsal_and_trim_is_told_and_restores_once_that_is_taken_back(
    home: Home,
) -> None:
    story = Story(home)
    await story.begin()
    available = {level: await available_of(home, level) for level in Level}
    await story.sweep_until(Step.FENCED)
    await story.lose_database("before")
    try:
        assert await story.restored("before") == ("DG-DES-060", set())
    finally:
        for level in Level:  # as the next step says
            await home.site.transit.configure(root_of(level), min_decryption_version=available[level])
    told, live = await story.restored("before")
    assert "restored 4, destroyed and left so 0" in told  # nothing was trimmed: the order is given again
    assert live == {GONE, *SURVIVORS}
    await story.sweep()
    assert await home.site.readable() == {GONE, *SURVIVORS}


async def available_of(home: Home, level: Level) -> int:
    return max((await home.site.transit.key_info(root_of(level))).min_available_version, 1)
