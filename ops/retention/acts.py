"""What changes periods: facts, extensions, and the run that lists what has fallen due. Audited, repeatable."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final, get_args

from consumers.approvals import Post, signed_by
from consumers.destruction.keeping import standing_needs
from consumers.held import kept_by_holds
from consumers.retention.assess import assess_ripe
from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.people.believed import directory as as_believed
from ops.references import refuse_personal
from ops.restored_holds import RETRACTION
from schemas.errors import DanganError
from schemas.retention import ExtendRetention
from schemas.rule_tables.retention import StartEvent
from store.holds import Holds
from store.merges import Merges
from store.retention import Expired, Expiries, Extension, Extensions, Fact, RetentionFacts, extension_document

#: Who states facts and extends: the archive department.
KEEPERS: Final = ("archivist", "custodian")
EVENTS: Final = tuple(name for name in get_args(StartEvent) if name != "collection")
_COLUMNS: Final = ("subject", "event", "day", "evidence")
MAX_FACTS: Final = 1_000_000
_PAGE: Final = 500


async def state(desk: Desk, facts: Sequence[Fact]) -> None:
    """State what happened at customers: every one of their records' terms is worked out anew from it.

    Raises:
        DanganError: DG-RET-002 for another event or a day to come; DG-OPS-036 for what is no opaque reference.
    """
    for fact in facts:
        refuse_personal(subject=fact.subject, evidence=fact.evidence)
        if fact.event not in EVENTS:
            raise DanganError("DG-RET-002", field="event", detail=", ".join(EVENTS))
        if fact.day > date.fromtimestamp(fact.at + 86_400):  # noqa: DTZ012 - a day of grace for time zones
            raise DanganError("DG-RET-002", field="day", detail="it has not come yet")
    digest = stored_digest({"facts": [{**asdict(fact), "day": fact.day.isoformat()} for fact in facts]})
    subject = facts[0].subject if len(facts) == 1 else None
    await desk.record("register", book="retention.fact", record=subject, digest=digest)
    await RetentionFacts(desk.database).put(facts)


async def retract(desk: Desk, subject: str, event: str, *, evidence: str, at: int) -> None:
    """Take back a fact that was stated wrongly: the customer's periods have not begun by it.

    Raises:
        DanganError: DG-RET-006 without such a fact; DG-OPS-036 for what is no opaque reference.
    """
    refuse_personal(subject=subject, evidence=evidence)
    facts = RetentionFacts(desk.database)
    seen = (await facts.of([subject])).get(subject, {}).get(event)
    if seen is None:
        raise DanganError("DG-RET-006", field="event", detail=event)
    said = {"subject": subject, "event": event, "day": seen.isoformat(), "evidence": evidence}
    # The event is a part of the book's name: after a loss of the database a restore does it again.
    await desk.record("register", book=f"{RETRACTION}.{event}", record=subject, digest=stored_digest({"retract": said}))
    if not await facts.retract(subject, event, evidence=evidence, by=desk.operator, at=at, seen=seen):
        raise DanganError("DG-RET-006", field="event", detail=event)


async def state_all(desk: Desk, facts: Iterator[Fact], on_progress: Callable[[int], None]) -> int:
    """State many facts, some hundred at a time; return how many."""
    done, page = 0, list[Fact]()
    for fact in facts:
        page.append(fact)
        if len(page) == _PAGE:
            await state(desk, page)
            done, page = done + len(page), []
            on_progress(done)
    if page:
        await state(desk, page)
        done += len(page)
    on_progress(done)
    return done


def facts_in(path: Path, *, by: str, at: int) -> Iterator[Fact]:
    """The facts in a CSV file with the columns subject, event, day (2026-01-31) and evidence.

    Raises:
        DanganError: DG-RET-003 naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 1):
                if number > MAX_FACTS:
                    raise DanganError("DG-RET-003", field=str(path), detail=f"more than {MAX_FACTS} lines")
                try:
                    subject, event, day, evidence = (row[name] for name in _COLUMNS)
                    yield Fact(subject, event, date.fromisoformat(day), evidence, by, at)
                except (KeyError, ValueError, TypeError):
                    raise DanganError("DG-RET-003", field=str(path), detail=f"line {number + 1}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DanganError("DG-RET-003", field=str(path), detail=type(error).__name__) from None


async def extend(desk: Desk, request: ExtendRetention, rules: Rules, *, now: int) -> tuple[str, ...]:
    """Keep records longer than the rules say, where the posts of ``approval.retention_extension`` have signed.

    Args:
        desk: of who asks: the signatures are under his request.
        request: with its approvals.
        rules: for the posts.
        now: UNIX seconds.

    Returns:
        Who approved it.

    Raises:
        Refusal: DG-APR-001 to 007. DanganError: DG-RET-004 for a day that is past.
    """
    until = date.fromisoformat(request.until)
    if until <= date.fromtimestamp(now):  # noqa: DTZ012 - a day where the archive is
        raise DanganError("DG-RET-004", field="until", detail=request.until)
    for record in request.records:
        refuse_personal(record=record)
    directory = await as_believed(desk, rules.book.people)
    posts = tuple(Post("approve-extension", role) for role in rules.book.approval.retention_extension)
    signed = signed_by(
        request, posts, requester=desk.operator, directory=directory, authorizer=rules.authorizer, now=now,
        actions=("approve-extension",),
    )  # fmt: skip
    approvers = tuple(each.id for each in signed)
    made = [
        Extension(record, until, request.reason, request.approvals, approvers, desk.operator, now)
        for record in request.records
    ]
    for each in made:
        digest = stored_digest(extension_document(each))
        await desk.record("register", book="retention.extend", record=each.record, digest=digest)
        await Extensions(desk.database).put(each)
    return approvers


@dataclass(slots=True)
class Run:
    """What a run found: records that could be due, and are; new on the list; kept by a hold; no longer on the list."""

    records: int = 0
    due: int = 0
    new: int = 0
    held: int = 0
    gone: int = 0


async def run(
    desk: Desk, rules: Rules, *, today: date, now: int, dry_run: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Run:  # fmt: skip
    """List every record whose period has ended, for its destruction or sealing (clause DES-02). Repeatable.

    What is listed and is not due any more (a new fact, a hold, an extension, or it is gone) is taken off.
    """
    expiries, found = Expiries(desk.database), Run()
    listed = {each.record async for each in expiries.all()}
    if not dry_run:
        await desk.record("register", book="retention.run")
    due: set[str] = set()
    async for batch in assess_ripe(desk.database, rules, today=today, now=now):
        found.records += len(batch)
        found.held += sum(each.held and each.expired(today) for each in batch)
        ripe = [
            Expired(each.record, each.term.due, now, rules.book.expiry.action(each.retention_class))
            for each in batch
            if each.due(today) and each.term is not None and each.term.due is not None
        ]
        names = [each.record for each in ripe]
        kept = await kept_by_holds(Holds(desk.database), Merges(desk.database), names, now=now)
        kept |= await standing_needs(desk.database, names, today)
        found.held += len(kept)
        ripe = [each for each in ripe if each.record not in kept]
        due |= {each.record for each in ripe}
        if not dry_run:
            await expiries.enter(ripe)
        on_progress(found.records)
    found.due, found.new, found.gone = len(due), len(due - listed), len(listed - due)
    if not dry_run:
        await expiries.remove(listed - due)
    return found
