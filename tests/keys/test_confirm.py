"""Confirming a page never writes over what somebody else put there meanwhile."""

from __future__ import annotations

import pytest

from keys.pages import open_table
from keys.roots import SEALED_ROOT
from keys.sealed_pages import Wanted, fill
from schemas.errors import Transient
from schemas.levels import Level
from tests.simulators.archive import Archive


@pytest.mark.clause("DES-11")
async def test_a_sealing_that_was_overtaken_leaves_the_page_of_the_quicker_one(archive: Archive) -> None:
    """Two sealings of one record: the slower one is about to confirm when the page is the other's, and its root moves."""
    wanted = [Wanted("page-1", Level.CORE, "cohort", sealed=True, dek=b"d" * 32)]
    before, turns = archive.vault.before_call, iter(range(99))

    async def overtaken(op: str, key: str) -> None:
        if op == "key_info" and next(turns) == 0:
            archive.vault.before_call = before
            page = archive.pages.pages["page-1"]
            assert await fill(archive.vault, archive.pages, wanted, {"page-1": page})  # type: ignore[arg-type]
            await archive.vault.rotate(SEALED_ROOT)
            archive.vault.before_call = overtaken

    archive.vault.before_call = overtaken
    with pytest.raises(Transient):
        await fill(archive.vault, archive.pages, wanted, {})  # type: ignore[arg-type]
    archive.vault.before_call = before
    page = archive.pages.pages["page-1"]
    key = archive.vault.keys[SEALED_ROOT].decrypt(page.wrapped_key)
    assert open_table(page, key) == {0: b"d" * 32}


@pytest.fixture
async def archive() -> Archive:
    made = Archive()
    await made.new_ingest_key()
    return made
