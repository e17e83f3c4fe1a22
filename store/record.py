"""A record as it is stored: one document with its field ciphertexts, key references, tokens and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from keys.ports import KeyRef
from schemas.levels import LEVELS, Level
from store.database import Document
from store.key_refs import keys_in, to_list

#: An intake is received, reviewed, handed over, and archived; a returned one waits for its sender, a duplicate for a
#: decision, a merged one is part of another archive.
Stage = Literal["received", "returned", "reviewed", "handed_over", "archived", "duplicate", "merged"]

ConsentState = Literal["checking", "withdrawn"]


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Record:
    """A record as it is stored; every value in ``fields`` is a ciphertext.

    Attributes:
        field_versions: record version at which a field was last written, for those above 1.
        ingest_keys: kids of the ingest keys that sealed bundles with this record's values.
        tokens: blind index tokens, field -> token.
        history_bytes: how large the history is.
        at_ms: when the newest version's command was appended to Kafka.
        stage: how far the intake is.
        intake: the circumstances of the collection (schemas/intake.py); no personal value.
        objected: whether somebody objects to how it was obtained (COL-07): nobody uses it.
        consent: the consent, and under ``only`` whether the record rests on it alone (clause COL-04).
        consent_state: ``checking`` until it is known that its consent was not withdrawn meanwhile; ``withdrawn`` when
            the consent was that it rests on alone. Nobody reads either (store/consents.py).
        identity: what no other archive may have (schemas/identity.py); a duplicate has none.
        duplicate_of: the archive whose identity this one had when it came.
        part_of: the archive that a merged record is part of; ``stage_before`` what it was before.
        parts: what was merged into this archive, in that order. Only those count whose ``part_of`` names it.
        dropped: field -> the parts whose value was removed with the archive's own.
        sealed: whether it is sealed (封存, DES-11), on its way there or back: nobody uses it.
    """

    id: str
    subject: str
    version: int
    level: Level
    cohort: str
    purpose: str
    legal_basis: str
    fields: Mapping[str, bytes]
    keys: Mapping[Level, KeyRef]
    command: str
    sender: str
    ingest_keys: tuple[str, ...]
    at_ms: int
    tokens: Mapping[str, bytes] = field(default_factory=dict)
    field_versions: Mapping[str, int] = field(default_factory=dict)
    consent: Mapping[str, Any] | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    history_bytes: int = 0
    stage: Stage = "archived"
    intake: Mapping[str, Any] | None = None
    consent_state: ConsentState | None = None
    identity: tuple[bytes, ...] = ()
    objected: bool = False
    duplicate_of: str | None = None
    part_of: str | None = None
    stage_before: Stage | None = None
    parts: tuple[str, ...] = ()
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Occupied:
    """What already stands under a record id; ``of`` when it was kept as a duplicate."""

    live: bool
    command: str | None
    sender: str | None
    version: int
    at_ms: int
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """A new version of a record, applied only where the stored version is ``version - 1`` and the stage still ``seen``.

    ``fields`` maps to the new ciphertext, or None to remove the field; ``past`` is the history entry
    (previous ciphertexts with their versions, who, when, why; the reason is a ciphertext too).
    ``identity`` replaces the identity keys, None leaves them; ``stage`` replaces the stage, None leaves it;
    with ``if_free`` both stay where another archive has that identity. ``parts`` are the record's: a removed field is
    removed from what is read of them too.
    ``paper_open`` says that the paper counterpart has to follow (clause UPD-05). ``claim`` is the token of the claim on
    a proposal that it comes of: it is not applied where that was given up.
    """

    record: str
    version: int
    level: Level
    fields: Mapping[str, bytes | None]
    tokens: Mapping[str, bytes | None]
    new_keys: Mapping[Level, KeyRef]
    ingest_key: str
    past: Mapping[str, Any]
    seen: Stage
    identity: tuple[bytes, ...] | None = None
    stage: Stage | None = None
    if_free: bool = False
    parts: tuple[str, ...] = ()
    paper_open: bool = False
    claim: str = ""


def at_stage(stage: Stage) -> str | Document:
    """The condition that a record is at that stage, which an act of intake changes without a new version."""
    return {"$in": [None, "archived"]} if stage == "archived" else stage


_NAMES: Final = {level: level.value for level in Level}


def to_document(record: Record) -> Document:
    """The record as MongoDB stores it."""
    doc: Document = {
        "_id": record.id,
        "subject": record.subject,
        "state": "live",
        "version": record.version,
        "level": _NAMES[record.level],
        "cohort": record.cohort,
        "purpose": record.purpose,
        "basis": record.legal_basis,
        "fields": record.fields,
        "keys": {_NAMES[level]: to_list(ref) for level, ref in record.keys.items()},
        "command": record.command,
        "sender": record.sender,
        "ingest": list(record.ingest_keys),
        "at": record.at_ms,
    }
    if record.tokens:
        doc["tokens"] = [{"f": name, "t": token} for name, token in record.tokens.items()]
    if record.consent:
        doc["consent"] = record.consent
    if record.stage != "archived":
        doc["stage"] = record.stage
    if record.intake:
        doc["intake"] = record.intake
    if record.consent_state:
        doc["consent_state"] = record.consent_state
    if record.identity:
        doc["identity"] = list(record.identity)
    if record.duplicate_of:
        doc["duplicate_of"] = record.duplicate_of
    return doc


def from_document(doc: Document) -> Record:
    """The record of a live document."""
    return Record(
        id=doc["_id"],
        subject=doc["subject"],
        version=doc["version"],
        level=LEVELS[doc["level"]],
        cohort=doc["cohort"],
        purpose=doc["purpose"],
        legal_basis=doc["basis"],
        fields=doc["fields"],
        keys=keys_in(doc),
        command=doc["command"],
        sender=doc["sender"],
        ingest_keys=tuple(doc["ingest"]),
        at_ms=doc["at"],
        tokens={t["f"]: t["t"] for t in doc.get("tokens", [])},
        field_versions=doc.get("field_versions", {}),
        consent=doc.get("consent"),
        history=tuple(doc.get("history", ())),
        history_bytes=doc.get("history_bytes", 0),
        stage=doc.get("stage", "archived"),
        intake=doc.get("intake"),
        consent_state=doc.get("consent_state"),
        identity=tuple(doc.get("identity", ())),
        duplicate_of=doc.get("duplicate_of"),
        part_of=doc.get("part_of"),
        objected="objection" in doc,
        sealed="sealed" in doc,
        stage_before=doc.get("stage_before"),
        parts=tuple(doc.get("parts", ())),
        dropped=doc.get("dropped", {}),
    )
