"""The drill with an old backup: stolen before the sweep it opens, after it nothing does; restored, it lacks only one.

The backup is taken before the destruction. A thief who has it and every right in Vault reads the customer then, and
fails with the same keys after the sweep. The restore joins the old records with the current key pages in a database
next to the live one, where every other customer is decrypted and compared with the file that was exported.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from keys.places import DirectoryPlace
from keys.ring import KeyRing
from keys.vault import transit_of
from ops.backup import Progress, make_backup
from ops.demo import thief
from ops.demo.scene import Scene
from ops.demo.survivors import Comparison, Expected, compare
from ops.restore import Report, Restore
from schemas.errors import DanganError
from store.database import Database, connect
from store.pages import Pages

_RESTORED: Final = "dangan_restored"


class Drill:
    """One backup, and what can be done with it before and after.

    Args:
        scene: the installation.
        expected: what the archive holds.
        doomed: the record that will be destroyed.
    """

    def __init__(self, scene: Scene, expected: Expected, doomed: str) -> None:
        self._scene = scene
        self._expected = expected
        self._doomed = doomed
        self._uri = scene.settings.mongo_uri.get_secret_value()
        self.folder: Final[Path] = scene.settings.home / "data-backups"

    async def back_up(self) -> None:
        """Take the backup; show that a thief with it and every right in Vault can read the customer now."""
        stage, settings = self._scene.stage, self._scene.settings
        stage.step("A backup is taken, before anything is destroyed")
        stage.command("dangan backup --to data-backups")
        with stage.steps() as report:
            async with connect(self._uri, settings.mongo_database) as database:
                self._backup = await make_backup(database, self.folder, now=int(time.time()), on_progress=report)
        self._stolen = thief.steal(self._backup, self._doomed)
        loot = await self._steal()
        self._scene.claims.check(
            "Before the sweep, somebody with this backup and every right in Vault reads the customer",
            dict(loot.values) == self._expected[self._doomed] and not loot.refused,
            f"{loot.opened} wrapped keys opened: the attempt is a real one",
        )

    async def steal_again(self) -> None:
        """The same attempt after the sweep."""
        loot = await self._steal()
        self._scene.claims.check(
            "After the sweep the old backup opens to nobody, with every right in Vault",
            not loot.values and not loot.opened and loot.refused > 0,
            f"the same {loot.refused} wrapped keys, all refused",
        )

    async def restore(self) -> None:
        """Restore the old backup next to the live database; read everybody in it, or try to."""
        stage = self._scene.stage
        stage.step("The old backup is restored next to the live system")
        stage.command(f"dangan restore --from data-backups/{self._backup.name} --into {_RESTORED}")
        async with connect(self._uri, _RESTORED) as restored:
            with stage.steps() as report:
                told = await self._join(restored, report)
            result, key_is_gone = await self._read_all(restored)
        self._scene.claims.check(
            "Restored from the old backup, the customer cannot be read",
            result.missing == [self._doomed] and key_is_gone and told.destroyed == 1,
            "its record is a tombstone; its old ciphertext finds no key among the current pages",
        )
        self._scene.claims.check(
            "Restored from the old backup, every other customer can, value by value as exported",
            result.equal == len(self._expected) - 1 == told.restored and not (result.unreadable or result.different),
            f"{result.equal:,} decrypted and equal, {len(result.unreadable)} unreadable, "
            f"{len(result.different)} different",
        )

    async def _join(self, restored: Database, on_progress: Progress) -> Report:
        settings = self._scene.settings
        places = [DirectoryPlace(place) for place in settings.backup_places]
        async with (
            connect(self._uri, settings.mongo_database) as live,
            transit_of(settings, settings.token_file("sweeper")) as transit,
        ):
            return await Restore(self._backup, live, restored, transit, places, on_progress).run()

    async def _read_all(self, restored: Database) -> tuple[Comparison, bool]:
        """Compare every record; and whether the destroyed one's old key references lead nowhere."""
        settings, catalogue = self._scene.settings, self._scene.rules.catalogue
        transit = transit_of(settings, settings.token_file("worker"))
        with self._scene.stage.bar("decrypted and compared", len(self._expected)) as advance:
            async with transit, KeyRing(transit, Pages(restored)) as ring:
                result = await compare(restored, ring, catalogue, self._expected, advance)
                old = await ring.try_open({self._doomed: self._stolen.record.keys})
        return result, isinstance(old[self._doomed], DanganError)

    async def _steal(self) -> thief.Loot:
        scene = self._scene
        return await thief.read(self._stolen, scene.settings, scene.stack.root_token, scene.rules.catalogue)
