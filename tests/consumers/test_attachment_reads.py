"""Reads of attachments tell nothing of records that the reader must not know, and open no part kept for something else."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from consumers.reading.attachment_reads import AttachmentReader
from consumers.reading.grants import NamedGrants
from consumers.reading.purposes import Purposes
from schemas.commands import Access
from schemas.levels import Level
from store.attachments import Attachment
from store.record import Record
from tests.consumers.samples import NOW, RULES, grant, principal, received
from tests.simulators.attested import unsigned
from tests.simulators.reading import DEKS, Shelves, stored

CLERK = principal("per:clerk-7", "reader", kind="person")


class Opened(Exception):
    """A chunk was asked for: the rules let the read pass."""


class Scans:
    def __init__(self, *records: str) -> None:
        self._records = records

    async def get(self, record: str, name: str) -> Attachment | None:
        if record not in self._records:
            return None
        return Attachment(record, name, "identity_paper", Level.CORE, 3, b"", "c", "s", NOW, state="complete", size=9)

    async def chunk(self, *_: Any) -> Any:
        raise Opened


class Ring:
    async def open(self, refs: Collection[str]) -> dict[str, Any]:
        return dict.fromkeys(refs, DEKS)


class Held:
    def __init__(self, records: dict[str, Record]) -> None:
        self._records = records

    async def get(self, ids: Collection[str]) -> dict[str, Record]:
        return {each: self._records[each] for each in ids if each in self._records}


async def read(shelves: Shelves, scans: Scans, record: str, *, reader: Any = CLERK, part: int = 1) -> str | None:
    """The code of the refusal; ``opened`` when the part would be opened."""
    desk = AttachmentReader(
        Held(shelves.records),  # type: ignore[arg-type]
        scans,  # type: ignore[arg-type]
        NamedGrants(shelves, RULES.book.use, unsigned()),  # type: ignore[arg-type]
        shelves,  # type: ignore[arg-type]
        Purposes(shelves, RULES.book.reading),  # type: ignore[arg-type]
        Ring(),  # type: ignore[arg-type]
        RULES,
    )
    members = {
        "id": str(uuid.uuid4()), "type": "access", "record": record, "grant": "grant-1", "purpose": "account_service",
        "attachment": "scan-1", "part": part,
    }  # fmt: skip
    try:
        (outcome,) = await desk.apply([received(Access.model_validate(members), reader)], NOW)
    except Opened:
        return "opened"
    return outcome.result.code


@pytest.mark.clause("USE-06", "STO-04")
@pytest.mark.parametrize("fields", [{"*"}, {"city"}])
async def test_nothing_of_a_hidden_records_scans_is_told(fields: set[str]) -> None:
    bounded = replace(CLERK, scope=frozenset({("building", "b-07")}))
    hidden = stored("rec-hidden", {"city": "x"}, intake={"household": {"building": "b-08"}})
    held = grant(CLERK.id, records=frozenset({"*"}), fields=frozenset(fields), clear=frozenset({"*"}))
    shelves, scans = Shelves(hidden, grants=[held]), Scans("rec-hidden")
    absent = await read(shelves, scans, "rec-none", reader=bounded)
    for part in (1, 3, 4):
        assert await read(shelves, scans, "rec-hidden", reader=bounded, part=part) == absent == "DG-ACC-007"
    assert await read(shelves, Scans(), "rec-hidden", reader=bounded) == absent


@pytest.mark.clause("USE-09")
async def test_a_parts_scan_is_read_for_what_the_part_was_collected_for() -> None:
    held = grant(CLERK.id, clear=frozenset({"*"}))
    archive = stored("rec-0001", {"name": "x"}, parts=("rec-part",))
    for purpose, code in (("account_service", "opened"), ("marketing", "DG-ATT-010")):
        part = stored("rec-part", {"city": "x"}, part_of="rec-0001", stage="merged", purpose=purpose)
        assert await read(Shelves(archive, part, grants=[held]), Scans("rec-part"), "rec-0001") == code
    risky = stored(
        "rec-part", {"city": "x"}, part_of="rec-0001", stage="merged", intake={"assessment": {"risk_grade": "high"}}
    )
    assert await read(Shelves(archive, risky, grants=[held]), Scans("rec-part"), "rec-0001") == "DG-ATT-010"
