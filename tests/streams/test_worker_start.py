"""A worker refuses to start where it could only fail later, or lose messages."""

from __future__ import annotations

import faust.streams
import pytest
from pymongo.errors import ServerSelectionTimeoutError

from schemas.errors import DanganError, Transient
from schemas.levels import Level
from schemas.settings import Settings
from streams import worker
from streams.worker import run
from tests.consumers.samples import RULES


async def test_a_worker_for_some_levels_only_does_not_start() -> None:
    with pytest.raises(DanganError, match="DG-OPS-050"):
        await run(Settings(levels=(Level.BASIC,)), RULES, name="w")


async def test_faust_without_its_compiled_part_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust.streams, "_CStreamIterator", None)
    with pytest.raises(DanganError, match="DG-OPS-052"):
        await run(Settings(), RULES, name="w")


def test_the_compiled_part_is_there() -> None:
    assert faust.streams._CStreamIterator is not None


async def test_a_database_that_does_not_answer_is_told_with_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise ServerSelectionTimeoutError

    monkeypatch.setattr(worker, "_run", unreachable)
    with pytest.raises(Transient, match="DG-STO-001"):
        await run(Settings(), RULES, name="w")
