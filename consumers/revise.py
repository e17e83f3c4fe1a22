"""A new version of a record, however it came about: what changes, encrypted, with the version before it as history.

An update (consumers/update.py) and an approved correction (consumers/decide_proposal.py) end here. The previous
values stay, encrypted under the record's own keys, and die with it (clause UPD-04).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from consumers.identity import moved_identity
from consumers.rules import Rules
from keys.cipher import FieldCipher
from keys.index import BlindIndex
from keys.ports import KeyRef
from keys.ring import KeyRing
from schemas.catalogue import Catalogue
from schemas.levels import Level, highest
from schemas.members import Value
from schemas.values import normalise
from store.record import Record, Revision

#: The reason is encrypted like a field; the underscore keeps the name apart from the catalogue's.
REASON = "_reason"
#: What tells a redelivered command from another one under its id; encrypted, since a guess could be tried against it.
_DIGEST = "_digest"
#: What an intake says of the paper counterpart when there is none.
NO_PAPER = "none"

#: Field -> its value as JSON in normal form; None removes it.
Values = Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What a new version changes, not yet encrypted."""

    values: Values
    levels: Mapping[str, Level]
    indexed: Mapping[str, str | None]
    level: Level
    reason_level: Level


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who makes a new version, when and why (修改记录, clause UPD-03).

    Attributes:
        command: the id of the command that makes it.
        by: its sender.
        at_ms: when Kafka took it, UNIX milliseconds.
        ingest_key: the key that sealed its bundle.
        more: what else the history says of it; names and references only.
        digest: of the command, 32 bytes, by which :meth:`Reviser.made` knows it again; None where ``more`` does that.
    """

    command: str
    by: str
    at_ms: int
    ingest_key: str
    reason: str
    evidence: str
    more: Mapping[str, Any] = field(default_factory=dict)
    digest: bytes | None = None


def in_normal_form(fields: Mapping[str, Value | None], catalogue: Catalogue) -> dict[str, bytes | None]:
    """The values in normal form, as JSON.

    Raises:
        Refusal: DG-COL-001, DG-COL-002.
    """
    return {
        name: None if value is None else orjson.dumps(normalise(name, catalogue.field(name), value))
        for name, value in fields.items()
    }


def change_of(values: Values, record: Record, catalogue: Catalogue) -> Change:
    """What those values change in the record.

    Raises:
        Refusal: DG-COL-001, DG-COL-005 (the record's purpose does not need the field).
    """
    specs = {name: catalogue.needed_field(name, record.purpose) for name in values}
    indexed = {
        name: None if value is None else str(orjson.loads(value)) for name, value in values.items() if specs[name].index
    }
    after = (record.fields.keys() | values) - {name for name, value in values.items() if value is None}
    return Change(
        values,
        {name: spec.level for name, spec in specs.items()},
        indexed,
        level=highest({catalogue.field(name).level for name in after}),
        reason_level=highest(set(record.keys)),
    )


def has_paper(record: Record) -> bool:
    """Whether the record has a paper counterpart (纸质档案), which an update must reach too (clause UPD-05)."""
    return bool((record.intake or {}).get("paper", NO_PAPER) != NO_PAPER)


class Reviser:
    """Encrypts changes into revisions."""

    def __init__(self, ring: KeyRing, index: BlindIndex, rules: Rules) -> None:
        self._ring = ring
        self._index = index
        self._rules = rules

    async def revision(self, change: Change, record: Record, author: Authorship) -> Revision:
        """The revision that makes the record's next version.

        Raises:
            DanganError: as :meth:`keys.ring.KeyRing.open` and ``allocate``.
        """
        missing = {level for name, level in change.levels.items() if change.values[name] is not None}
        missing -= record.keys.keys()
        deks = dict((await self._ring.open({record.id: record.keys}))[record.id])
        new_keys: dict[Level, KeyRef] = {}
        if missing:
            (allocated,) = await self._ring.allocate(record.cohort, [(record.id, missing)])
            for level, key in allocated.items():
                deks[level], new_keys[level] = key.dek, key.ref
        version = record.version + 1
        tokens = await self._tokens(change.indexed)
        moved = moved_identity(record, tokens, self._rules)
        fields: dict[str, bytes | None] = {}
        for name, value in change.values.items():
            if value is None:  # perhaps of a level of which the record has no key
                fields[name] = None
                continue
            cipher = FieldCipher(deks[change.levels[name]], record.id, change.levels[name])
            fields[name] = cipher.seal(name, version, value)
        reason = FieldCipher(deks[change.reason_level], record.id, change.reason_level)
        past: dict[str, Any] = {
            "version": record.version,
            "command": author.command,
            "by": author.by,
            "at": author.at_ms,
            "evidence": author.evidence,
            "reason": reason.seal(REASON, version, orjson.dumps(author.reason)),
            "reason_level": change.reason_level.value,
            "fields": {name: [record.fields.get(name), record.field_versions.get(name, 1)] for name in change.values},
            **author.more,
        }
        if author.digest is not None:
            past["digest"] = reason.seal(_DIGEST, version, author.digest)
        return Revision(
            record=record.id,
            version=version,
            level=change.level,
            fields=fields,
            tokens=tokens,
            new_keys=new_keys,
            ingest_key=author.ingest_key,
            past=past,
            seen=record.stage,
            identity=moved.keys,
            stage=moved.stage,
            if_free=moved.if_free,
            parts=record.parts,
            paper_open=self._rules.book.correction.paper_in_step and has_paper(record),
        )

    async def made(self, entries: Iterable[Mapping[str, Any]], record: Record, digest: bytes) -> int | None:
        """The version that the command with that digest made.

        Args:
            entries: what commands of its id and sender left in the history.
            record: as it is now.

        Returns:
            None when none of them is of that command: its id was used for another.

        Raises:
            DanganError: as :meth:`keys.ring.KeyRing.open`; DG-KEY-004 when a digest does not open.
        """
        deks = (await self._ring.open({record.id: record.keys}))[record.id]
        for entry in entries:
            level = Level(entry["reason_level"])
            if "digest" not in entry or level not in deks:
                continue
            version = entry["version"] + 1
            if FieldCipher(deks[level], record.id, level).open(_DIGEST, version, bytes(entry["digest"])) == digest:
                return int(version)
        return None

    async def _tokens(self, indexed: Mapping[str, str | None]) -> dict[str, bytes | None]:
        made = await self._index.tokens({name: [v] for name, v in indexed.items() if v is not None})
        return {name: None if value is None else made[name][0] for name, value in indexed.items()}
