"""The first acts: a file of customers goes in sealed, and nothing of it can be found on the services' disks."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Final

from ops.demo.customers import ID_COLUMN
from ops.demo.disk import Search, identifiers, search_database, search_files
from ops.demo.scene import Scene
from ops.demo.survivors import Expected, expected_of
from ops.embedded.kafka_mock import KafkaMock
from ops.embedded.program import ALL
from ops.publish.ids import RowIds
from ops.publish.mapping import load_mapping, row_mapper
from ops.publish.reading import read_table
from ops.publish.results import ResultFile
from ops.publish.run import publish_rows
from store.database import connect

_SOUGHT: Final = ("证件号码", "电子邮箱", "账号")


async def collect(scene: Scene) -> Expected:
    """Publish the file as ``dangan publish`` does; return what the archive must now hold."""
    stage, catalogue = scene.stage, scene.rules.catalogue
    stage.step("A file of customers goes in, sealed")
    stage.command(f"dangan publish customers.csv --map customers.map.toml --as crm.key.json  # ids from {ID_COLUMN}")
    table = read_table(scene.customers)
    ids = RowIds(scene.people.crm.signing)
    mapper = row_mapper(load_mapping(scene.mapping, {}), ids, table.columns, catalogue.fields)
    with ResultFile(scene.settings.home / "customers.result.csv") as results:
        with stage.bar("published and answered", table.rows) as advance:
            async with scene.client(scene.people.crm) as archive:
                await publish_rows(table, mapper, archive, results, lambda: advance(1))
        accepted = results.totals["accepted"]
    expected = await asyncio.to_thread(expected_of, scene.customers, scene.mapping, ids, catalogue)
    async with connect(scene.settings.mongo_uri.get_secret_value(), scene.settings.mongo_database) as database:
        stored = await database["records"].count_documents({"state": "live"})
    scene.claims.check(
        f"All {table.rows:,} customers are stored, each row answered",
        accepted == stored == table.rows == len(expected),
        f"{accepted:,} accepted, {stored:,} records",
    )
    return expected


async def search_plaintext(scene: Scene, backup: Path) -> None:
    """Look for every customer's identifiers in all that the services keep, and in the customers' file itself.

    Args:
        scene: the installation.
        backup: a folder to look through as well.
    """
    scene.stage.step("Nothing of it can be read off the disks")
    scene.stage.say("Every file and document of the three services, and the backup, is searched for every customer.")
    with scene.customers.open(encoding="utf-8-sig", newline="") as file:
        wanted = identifiers([[row[column] for column in _SOUGHT] for row in csv.DictReader(file)])
    control, search = Search(wanted), Search(wanted)
    await asyncio.to_thread(search_files, control, [scene.customers])
    folders = [*(scene.stack.data_dir(service) for service in ALL), backup]
    await asyncio.to_thread(search_files, search, folders)
    async with connect(scene.settings.mongo_uri.get_secret_value(), scene.settings.mongo_database) as database:
        await search_database(search, database)
    scene.claims.check(
        "No customer's identifier lies in clear in what Kafka, MongoDB, Vault and the backup hold",
        control.hits == len(wanted) and search.hits == 0 and search.bytes_read > 0,
        f"{len(wanted):,} sought in {search.bytes_read >> 20} MiB: {search.hits} found; "
        f"the same search finds {control.hits:,} in the file that was exported{_missing_broker(scene)}",
    )


def _missing_broker(scene: Scene) -> str:
    """What the search cannot show without a real broker."""
    return "" if scene.stack.kafka_kind != KafkaMock.kind else "; the mock Kafka keeps nothing on disk"
