"""Half-yearly samples (每半年抽查, clause AUD-07): committed, drawn, examined, closed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from ops.audited import Desk
from ops.detect.seen import Seen
from ops.detect.source import events_on_topic
from ops.inspections import sampling
from ops.inspections.runs import Found
from ops.private_files import write_private
from ops.registers import Book
from schemas.archive_code import CodeTemplate
from schemas.errors import DanganError
from schemas.inspections import EXAMINATIONS, SAMPLES
from schemas.registers import Entry, Said
from schemas.rulebook import RuleBook
from store.codes import Codes
from store.database import Database
from store.inspections import Finding
from store.registers import Register
from store.samples import Draws
from streams.kafka import kafka_of

#: Records of one sample at most: what fits into one document.
MAX_SIZE: Final = 200_000
_VERBS: Final[Mapping[str, str]] = {"pass": "review", "hand_over": "hand_over", "confirm": "confirm"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A record of a sample with the key steps that nothing is recorded of."""

    record: str
    missing: tuple[str, ...]


async def commit(desk: Desk, sample: str, seed_file: Path, percent: int, *, now: int) -> Entry:
    """Draw a seed, keep it in a private file and publish its commitment.

    Raises:
        DanganError: DG-INS-010 when the file is there already.
    """
    _refuse_existing(seed_file)
    seed = secrets.token_bytes(sampling.SEED_BYTES)
    said: dict[str, Said] = {"commitment": sampling.commitment(sample, seed), "share": percent}
    entry = await Book(desk, SAMPLES).begin(sample, "sample", said, now=now)
    write_private(seed_file, seed.hex() + "\n")
    return entry


def _refuse_existing(file: Path) -> None:
    if file.exists():
        raise DanganError("DG-INS-010", field=str(file))


async def draw(desk: Desk, sample: str, seed: bytes, out: Path, *, now: int) -> Entry:
    """Reveal the seed, list the archives that were there when it was committed to, and draw.

    Writes ``out`` (the drawing) and beside it ``out.population.txt``: what anybody needs to check it.

    Raises:
        DanganError: DG-INS-011 when it is not the seed that was committed to, 012 when there is nothing to draw
            from, 013 for too large a sample; DG-REG-001, 002.
    """
    book = Book(desk, SAMPLES)
    entry = await book.entry(sample)
    if sampling.commitment(sample, seed) != entry.text("commitment"):
        raise DanganError("DG-INS-011", field=sample)
    population = [record async for record in _archived(desk.database, before_ms=entry.steps[0].at * 1000 + 999)]
    if not population:
        raise DanganError("DG-INS-012", field=sample)
    percent = int(entry.text("share"))
    size = sampling.size_of(len(population), percent)
    if size > MAX_SIZE:
        raise DanganError("DG-INS-013", field=sample, detail=str(MAX_SIZE))
    drawn = sampling.draw(seed, population, size)
    digest = sampling.population_digest(population)
    said: dict[str, Said] = {"seed": seed.hex(), "population": len(population), "size": size, "sha256": digest}
    entry = await book.follow(sample, "draw", said, now=now)
    await Draws(desk.database).put(sample, drawn)
    document = {
        "sample": sample, "committed": entry.text("commitment"), "percent": percent, **said, "drawn": drawn
    }  # fmt: skip
    write_private(out.with_name(out.name + ".population.txt"), "".join(f"{record}\n" for record in population))
    write_private(out, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return entry


def check_files(file: Path) -> list[str]:
    """What is wrong with a drawing, by its two files alone; needs no archive and no key.

    Raises:
        DanganError: DG-INS-014 when they cannot be read.
    """
    try:
        said = orjson.loads(file.read_bytes())
        population = file.with_name(file.name + ".population.txt").read_text("utf-8").splitlines()
        return sampling.problems(
            str(said["sample"]),
            bytes.fromhex(said["seed"]),
            population,
            committed=str(said["committed"]),
            sha256=str(said["sha256"]),
            percent=int(said["percent"]),
            drawn=[str(each) for each in said["drawn"]],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DanganError("DG-INS-014", field=str(file), detail=type(error).__name__) from None


def expected_steps(book: RuleBook) -> tuple[str, ...]:
    """The key business steps (关键业务环节) that must have left a record of an archived file, by the rule book."""
    steps = (
        ("collect", True),
        ("review", book.intake.review_required),
        ("hand_over", book.handover.required),
        ("confirm", book.handover.required and bool(book.approval.archive_creation)),
        ("number", book.arrange.codes_required),
    )
    return tuple(name for name, needed in steps if needed)


def steps_in(events: Iterable[Seen]) -> dict[str, set[str]]:
    """Record -> the key steps that events tell of. Pure."""
    found: dict[str, set[str]] = {}
    for event in events:
        if not event.allowed:
            continue
        step = "collect" if event.action == "collect" else _VERBS.get(event.verb) if event.action == "intake" else None
        if step:
            found.setdefault(event.record, set()).add(step)
    return found


async def examine(desk: Desk, book: RuleBook, sample: str) -> list[Examined]:
    """Look for the record of every key step of each drawn archive, in the audit stream and the store."""
    drawn = await Draws(desk.database).get(sample)
    wanted = set(drawn)
    events = await events_on_topic(kafka_of(desk.settings), None, lambda event: event.record in wanted)
    steps = steps_in(events)
    for record in await _numbered(desk.database, book, drawn):
        steps.setdefault(record, set()).add("number")
    expected = expected_steps(book)
    return [Examined(record, tuple(step for step in expected if step not in steps.get(record, ()))) for record in drawn]


async def record(
    desk: Desk, sample: str, name: str, result: str, *, now: int, missing: Collection[str] = (), note: str = ""
) -> Entry:
    """Record what was found of one record of a sample.

    Raises:
        DanganError: DG-INS-015 for a record that was not drawn; DG-REG-002 when the sample is not open.
    """
    entry = await Book(desk, SAMPLES).entry(sample)
    if entry.state != "drawn":
        raise DanganError("DG-REG-002", field=sample, detail=entry.state)
    drawn = await Draws(desk.database).get(sample)
    if name not in drawn:
        raise DanganError("DG-INS-015", field=name)
    said: dict[str, Said] = {"sample": sample, "record": name, "result": result}
    if missing:
        said["missing"] = tuple(missing)
    if note:
        said["note"] = note
    reference = f"{sample}.{drawn.index(name) + 1:06d}"
    return await Book(desk, EXAMINATIONS).begin(reference, "examination", said, now=now)


async def outcome(desk: Desk, sample: str) -> Found:
    """What was found of the sample, ready to be kept as a run.

    Raises:
        DanganError: DG-INS-016 while records of it were not examined.
    """
    drawn = await Draws(desk.database).get(sample)
    references = [f"{sample}.{number:06d}" for number in range(1, len(drawn) + 1)]
    examined = await Register(desk.database, EXAMINATIONS.name).get(references)
    if len(examined) < len(drawn):
        raise DanganError("DG-INS-016", field=sample, detail=f"{len(examined)} of {len(drawn)}")
    entry = await Book(desk, SAMPLES).entry(sample)
    found = Found()
    found.counts.update({"population": int(entry.text("population")), "sampled": len(drawn)})
    for each in examined.values():
        if each.text("result") == "incomplete":
            found.counts["incomplete"] += 1
            found.add([Finding("step-missing", each.text("record"), each.text("missing") or each.text("note"))])
    return found


async def _archived(database: Database, *, before_ms: int) -> AsyncIterator[str]:
    query = {"state": "live", "at": {"$lte": before_ms}}
    async with database["records"].find(query, {"stage": 1}, batch_size=1000).sort("_id", 1) as found:
        async for doc in found:
            if doc.get("stage", "archived") == "archived":
                yield str(doc["_id"])


async def _numbered(database: Database, book: RuleBook, records: Collection[str]) -> Collection[str]:
    return (await Codes(database, CodeTemplate(book.arrange.code_template)).of(records)).keys()
