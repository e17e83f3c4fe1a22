"""What a restore takes from the audit stream: only what was done, and only from a stream that is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.audit_replay import LastWord, Told, Withdrawn, told_by_audit
from ops.restored_holds import Deed, Deeds
from schemas.audit import Action, Fact, Verb
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
    monkeypatch.setattr("ops.audit_replay.Checkpoints", NoneKept)


def destroy(record: str, *, allowed: bool = True) -> Fact:
    code = None if allowed else "DG-DES-001"
    return Fact(f"cmd-{record}-{allowed}", "destroy", allowed, code, "sys:archivist", NOW * 1000, record=record)


def withdraw(command: str, *, record: str | None = None, allowed: bool = True, at: int = 0, **said: Any) -> Fact:
    code = None if allowed else "DG-CMD-004"
    at_ms = NOW * 1000 + at
    return Fact(command, "withdraw", allowed, code, "sys:crm", at_ms, record=record, subject="sub-1", **said)


def intake(verb: Verb, record: str, at: int, *, by: str = "person:desk") -> Fact:
    return Fact(f"act-{record}-{verb}-{at}", "intake", True, None, by, NOW * 1000 + at, record=record, verb=verb)


async def export(folder: Path, *batches: list[Fact], drop: int | None = None) -> Path:
    archive = Archive()
    facts = [destroy("rec-a"), *some_facts(3), destroy("rec-b", allowed=False), destroy("rec-c")]
    values = []
    for batch in batches or [facts]:  # each by a writer of its own
        values += write(await archive.new_writer(), [batch[:3], batch[3:]]).values
    if drop is not None:
        del values[drop]
    (folder / "trust.json").write_text(archive.trust.dump())
    (folder / "audit.jsonl").write_bytes(b"".join(value + b"\n" for value in values))
    return folder / "audit.jsonl"


async def told(folder: Path, file: Path | None) -> Told:
    return await told_by_audit(Settings(home=folder), None, file)  # type: ignore[arg-type]


async def test_allowed_destructions_alone_count(tmp_path: Path) -> None:
    assert await told(tmp_path, await export(tmp_path)) == Told(destroyed=frozenset({"rec-a", "rec-c"}))


async def test_withdrawals_are_told_the_first_of_each_consent_and_record(tmp_path: Path) -> None:
    later = [withdraw("cmd-2", at=9, consent="consent-1"), withdraw("cmd-3", allowed=False, consent="consent-2")]
    first = [withdraw("cmd-1", at=3, consent="consent-1"), withdraw("cmd-1", at=3, consent="consent-1", record="rec-1")]
    unnamed = withdraw("cmd-0", at=1, record="rec-0")  # as events were before they named the consent
    file = await export(tmp_path, later, [*first, unnamed])
    by, at = "sys:crm", NOW * 1000
    assert (await told(tmp_path, file)).withdrawn == (
        Withdrawn("sub-1", None, "rec-0", "cmd-0", by, at + 1),
        Withdrawn("sub-1", "consent-1", None, "cmd-1", by, at + 3),
        Withdrawn("sub-1", "consent-1", "rec-1", "cmd-1", by, at + 3),
    )


async def test_the_last_word_on_an_objection_is_told(tmp_path: Path) -> None:
    at = NOW * 1000
    done = [intake("clear", "rec-a", 5, by="person:law"), intake("clear", "rec-b", 1), intake("object", "rec-d", 7)]
    later = [intake("object", "rec-a", 4), intake("object", "rec-b", 2), intake("clear", "rec-d", 7)]
    other = [intake("pass", "rec-c", 3), withdraw("object", at=4)]
    assert (await told(tmp_path, await export(tmp_path, done, later, other))).objections == {
        "rec-a": LastWord(objected=False, by="person:law", at_ms=at + 5),
        "rec-b": LastWord(objected=True, by="person:desk", at_ms=at + 2),
        "rec-d": LastWord(objected=True, by="person:desk", at_ms=at + 7),
    }


def deed(action: Action, at: int, *, allowed: bool = True, **said: Any) -> Fact:
    code = None if allowed else "DG-CMD-004"
    return Fact(f"deed-{action}-{at}", action, allowed, code, "person:law", NOW * 1000 + at, **said)


@pytest.mark.clause("DES-01", "STO-06")
async def test_the_newest_deed_on_each_hold_grant_and_register_entry_is_told(tmp_path: Path) -> None:
    newer = [
        deed("hold", 5, verb="lift", record="rec-a", digest="a" * 64),
        deed("recall", 3, verb="recall", grant="grant-1"),
        deed("use", 4, verb="give_back", grant="grant-2"),
        deed("register", 6, book="media.lose", record="medium-1", digest="b" * 64),
    ]
    older = [
        deed("hold", 1, verb="place", record="rec-a", digest="c" * 64),
        deed("hold", 2, verb="place", record="rec-b", digest="d" * 64),
        deed("hold", 9, verb="lift", record="rec-b", allowed=False),
        deed("grant", 1, verb="give", grant="grant-1", digest="e" * 64),
        deed("register", 1, book="media.lend", record="medium-1", digest="f" * 64),
        deed("register", 2, book="retention.extend", record="rec-c", digest="0" * 64),
        deed("use", 7, verb="apply", grant="grant-2"),
    ]
    at = NOW * 1000
    assert (await told(tmp_path, await export(tmp_path, newer, older))).deeds == {
        ("hold", "rec-a"): Deed("lift", at + 5, "a" * 64),
        ("hold", "rec-b"): Deed("place", at + 2, "d" * 64),
        ("grant", "grant-1"): Deed("give", at + 1, "e" * 64),
        ("recall", "grant-1"): Deed("recall", at + 3),
        ("return", "grant-2"): Deed("give_back", at + 4),
        ("media", "medium-1"): Deed("media.lose", at + 6, "b" * 64),
        ("retention.extend", "rec-c"): Deed("retention.extend", at + 2, "0" * 64),
    }


@pytest.mark.parametrize("drop", [1, 2, 5, 7])
async def test_a_stream_with_a_gap_is_refused(tmp_path: Path, drop: int) -> None:
    with pytest.raises(DanganError, match="DG-BAK-007"):
        await told(tmp_path, await export(tmp_path, drop=drop))


async def test_no_stream_and_no_export_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await export(tmp_path)

    def away(*_: object) -> None:
        raise Transient("DG-AUD-004")

    monkeypatch.setattr("streams.audit.reader.open_topic", away)
    for file in (None, tmp_path / "none"):
        with pytest.raises(DanganError, match=r"DG-BAK-007|DG-AUD-005"):
            await told(tmp_path, file)
    (tmp_path / "trust.json").unlink()
    with pytest.raises(DanganError, match="DG-BAK-007"):
        await told(tmp_path, tmp_path / "audit.jsonl")


def test_a_fact_taken_back_is_one_deed_and_another_event_of_its_customer_another() -> None:
    deeds = Deeds()
    for at, book in ((1, "retention.retract.end_of_business"), (2, "retention.fact"), (3, "retention.fact")):
        deeds.take({"time": at}, {"action": "register", "book": book, "record": "sub-1"})
    assert deeds.last == {
        ("retention.retract", "sub-1 end_of_business"): Deed("retention.retract.end_of_business", 1),
        ("retention", "sub-1"): Deed("retention.fact", 3),
    }
