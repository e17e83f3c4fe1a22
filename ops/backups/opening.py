"""Opens sealed backups with the restorer's token, and joins one with the current keys in a new database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from keys.places import Place
from keys.vault import transit_of
from ops.backup import Manifest, Progress
from ops.backups.chain import Link, chain_of, unseal
from ops.backups.frames import file_name
from ops.backups.places import known_places
from ops.private_files import private, private_folder
from schemas.errors import DanganError
from schemas.settings import Settings
from store.backups import Backup, Backups
from store.database import Database


async def find_chain(settings: Settings, database: Database | None, backup: str | None) -> list[Link]:
    """The chain that ends with a backup, or with the newest; held against the register where there is one.

    Args:
        settings: where the places are.
        database: holds the register; None where it is lost.
        backup: its id; None for the newest that the register knows, or else that the places hold.

    Raises:
        DanganError: DG-BAK-029 to -031 and -039, naming the link.
    """
    known = await Backups(database).all() if database is not None else []
    usable = [each for each in known if each.usable]
    wanted = backup or (usable[-1].id if usable else None)
    digests = {file_name(each.id, each.kind): each.sha256 for each in usable}
    return chain_of(known_places(settings), wanted, digests)


def broken_link(places: Sequence[Place], newest: Backup) -> str | None:
    """The backup without which the newest of a chain cannot be restored; None when each link is there and whole.

    Each link is read once, in a place that has it whole.
    """
    try:
        chain_of(places, newest.id, {file_name(newest.id, newest.kind): newest.sha256})
    except DanganError as error:
        return error.field or newest.id
    return None


async def open_into(settings: Settings, links: Sequence[Link], into: Path, on_progress: Progress) -> Manifest:
    """Open a chain into a folder as plain BSON, with the role ``restorer``. Raises as :func:`unseal`."""
    token = private(settings.token_file("restorer"))
    async with transit_of(settings, token) as transit:
        return await unseal(links, transit, into, on_progress)


@asynccontextmanager
async def opened(settings: Settings, links: Sequence[Link], on_progress: Progress) -> AsyncIterator[Path]:
    """A folder of the home with the plain copy, removed at the end."""
    scratch = Path(tempfile.mkdtemp(prefix="opened-", dir=private_folder(settings.home / "scratch")))
    try:
        await open_into(settings, links, scratch / "plain", on_progress)
        yield scratch / "plain"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
