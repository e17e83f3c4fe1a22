"""Backups: a record is never copied without what it rests on; and what a restore tells of those that disagree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import bson
import pytest

from ops.backup import make_backup
from ops.commands import restore
from ops.restore import Report
from store.database import Database

#: Written before the record that rests on it.
BEFORE = (
    "archive_kin", "consent_records", "consents", "intakes", "matter_records", "open_papers", "pages", "watches"
)  # fmt: skip
#: Written after the record names the key that protects it.
AFTER = ("attachments.files", "proposals")


class Collection:
    async def estimated_document_count(self) -> int:
        return 1

    async def find_raw_batches(self, _query: object, *, batch_size: int) -> AsyncIterator[bytes]:
        assert batch_size
        yield bson.encode({"_id": 1})

    async def index_information(self) -> dict[str, Any]:
        return {}


class Simulated:
    """A database with one document in each collection."""

    name = "dangan"

    async def list_collection_names(self) -> list[str]:
        return [*BEFORE, *AFTER, "records", "ledger", "attachments.chunks"]

    def __getitem__(self, _name: str) -> Any:
        # find_raw_batches of the driver is not awaited, and so is an asynchronous generator
        return Collection()


async def test_records_are_copied_before_what_they_rest_on_and_the_ledger_last(tmp_path: Path) -> None:
    copied: list[str] = []
    database = cast("Database", Simulated())
    await make_backup(database, tmp_path, now=0, on_progress=lambda name, _done, _total: copied.append(name))
    at = {name: copied.index(name) for name in copied}
    assert all(at["records"] < at[name] for name in BEFORE)
    assert all(at[name] < at["records"] for name in AFTER)
    assert at["attachments.files"] < at["attachments.chunks"]
    assert copied[-1] == "ledger"


def test_a_restore_names_the_records_that_came_back_without_their_identity(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def restored(*_: object) -> Report:
        return Report(restored=2, unidentified=["rec-2"])

    monkeypatch.setattr(restore, "load_settings", lambda _home: None)
    monkeypatch.setattr(restore, "_restore", restored)
    restore.restore("archive2", tmp_path)
    assert "without the identity that an earlier record has 1: rec-2" in capsys.readouterr().out
