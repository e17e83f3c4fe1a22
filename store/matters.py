"""Files of business matters (一事一档, COL-16): a matter's records, with the times of event and entry."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.moments import unix_ms
from store.database import Database, Document, in_parts
from store.ties import matter_records


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a matter.

    Attributes:
        item: its kind, or the form that it is on.
        by: who sent it.
        happened_ms: when it happened, as its sender said; UNIX milliseconds, or None.
        entered_ms: when its command was appended to Kafka, by the broker's clock; UNIX milliseconds.
    """

    record: str
    item: str | None
    by: str
    happened_ms: int | None
    entered_ms: int

    def late_by(self, allowed_hours: int) -> int:
        """By how many whole hours it was entered too late; 0 when it was not, or when nobody said when it was."""
        if self.happened_ms is None:
            return 0
        hours = (self.entered_ms - self.happened_ms) // 3_600_000
        return hours if hours >= allowed_hours else 0


async def steps(database: Database, matter: str) -> list[Step]:
    """The live records of a matter in the order of their events; those without a time by their entry."""
    wanted = {"sender": 1, "at": 1, "intake.item": 1, "intake.form": 1, "intake.happened_at": 1}
    made = []
    for part in in_parts(await matter_records(database).of(matter)):
        found = database["records"].find({"_id": {"$in": part}, "intake.matter": matter, "state": "live"}, wanted)
        made += [_step(doc) async for doc in found]
    return sorted(made, key=lambda step: (step.happened_ms or step.entered_ms, step.entered_ms, step.record))


def _step(doc: Document) -> Step:
    said = doc["intake"]
    happened = said.get("happened_at")
    return Step(
        record=doc["_id"],
        item=said.get("item") or said.get("form"),
        by=doc["sender"],
        happened_ms=unix_ms(happened) if happened else None,
        entered_ms=doc["at"],
    )
