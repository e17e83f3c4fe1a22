"""The drill with an old backup: stolen before the sweep it opens, stolen after it nothing does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import bson

from ops.demo import thief
from ops.demo.scene import Scene
from ops.demo.survivors import Expected
from store.database import connect

_COLLECTIONS: Final = ("records", "pages", "ingest_keys")


class Drill:
    """One backup, taken before the destruction, and what can be done with it before and after.

    Args:
        scene: the installation.
        expected: what the archive holds.
        doomed: the record that will be destroyed.
    """

    def __init__(self, scene: Scene, expected: Expected, doomed: str) -> None:
        self._scene = scene
        self._expected = expected
        self._doomed = doomed
        self.folder: Final[Path] = scene.settings.home / "data-backup"

    async def back_up(self) -> None:
        """Take the backup; show that a thief with it and every right in Vault can read the customer now."""
        stage, settings = self._scene.stage, self._scene.settings
        stage.step("A backup is taken, before anything is destroyed")
        self.folder.mkdir(mode=0o700)
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            for name in _COLLECTIONS:
                with (self.folder / f"{name}.bson").open("wb") as file:
                    async for document in database[name].find({}):
                        file.write(bson.encode(document))
        loot = await self._steal()
        self._scene.claims.check(
            "Before the sweep, somebody with this backup and every right in Vault reads the customer",
            dict(loot.values) == self._expected[self._doomed],
            f"{loot.opened} wrapped keys opened: the attempt below is a real one",
        )

    async def steal_again(self) -> None:
        """The same attempt after the sweep."""
        loot = await self._steal()
        self._scene.claims.check(
            "After the sweep the old backup opens to nobody, with every right in Vault",
            not loot.values and not loot.opened and loot.refused > 0,
            f"the same {loot.refused} wrapped keys, all refused",
        )

    async def _steal(self) -> thief.Loot:
        scene = self._scene
        stolen = thief.steal(self.folder, self._doomed)
        return await thief.read(stolen, scene.settings, scene.stack.root_token, scene.rules.catalogue)
