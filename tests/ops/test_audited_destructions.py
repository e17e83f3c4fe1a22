"""The audit stream as a second ledger: allowed destructions alone, and only from a stream that is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.audited_destructions import destroyed_by_audit
from schemas.audit import Fact
from schemas.errors import DanganError, Transient
from schemas.settings import Settings
from tests.streams.audit_records import NOW, Archive, some_facts, write


class NoneKept:
    """A database that keeps no checkpoints."""

    def __init__(self, _database: Any) -> None:
        pass

    async def all(self) -> AsyncIterator[Any]:
        for one in ():
            yield one


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.audited_destructions.Checkpoints", NoneKept)


def destroy(record: str, *, allowed: bool = True) -> Fact:
    code = None if allowed else "DG-DES-001"
    return Fact(f"cmd-{record}-{allowed}", "destroy", allowed, code, "sys:archivist", NOW * 1000, record=record)


async def export(folder: Path, *, drop: int | None = None) -> Path:
    archive = Archive()
    facts = [destroy("rec-a"), *some_facts(3), destroy("rec-b", allowed=False), destroy("rec-c")]
    values = write(await archive.new_writer(), [facts[:3], facts[3:]]).values
    if drop is not None:
        del values[drop]
    (folder / "trust.json").write_text(archive.trust.dump())
    (folder / "audit.jsonl").write_bytes(b"".join(value + b"\n" for value in values))
    return folder / "audit.jsonl"


async def listed(folder: Path, file: Path | None) -> frozenset[str]:
    return await destroyed_by_audit(Settings(home=folder), None, file)  # type: ignore[arg-type]


async def test_allowed_destructions_alone_count(tmp_path: Path) -> None:
    assert await listed(tmp_path, await export(tmp_path)) == {"rec-a", "rec-c"}


@pytest.mark.parametrize("drop", [1, 2, 5, 7])
async def test_a_stream_with_a_gap_is_refused(tmp_path: Path, drop: int) -> None:
    with pytest.raises(DanganError, match="DG-BAK-007"):
        await listed(tmp_path, await export(tmp_path, drop=drop))


async def test_no_stream_and_no_export_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await export(tmp_path)

    def away(*_: object) -> None:
        raise Transient("DG-AUD-004")

    monkeypatch.setattr("ops.audited_destructions.open_topic", away)
    for file in (None, tmp_path / "none"):
        with pytest.raises(DanganError, match=r"DG-BAK-007|DG-AUD-005"):
            await listed(tmp_path, file)
    (tmp_path / "trust.json").unlink()
    with pytest.raises(DanganError, match="DG-BAK-007"):
        await listed(tmp_path, tmp_path / "audit.jsonl")
