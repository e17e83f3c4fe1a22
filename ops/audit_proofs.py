"""Makes proofs out of exports, in two readings and bounded memory: find the event, then hash its writer's chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from ops.audit_files import Advance, values_in
from schemas.errors import DanganError
from streams.audit.chain import OPENING, Link, read_link
from streams.audit.checkpoint import VALUE_PREFIX, Checkpoint, from_value
from streams.audit.merkle import leaf_hash
from streams.audit.merkle_proofs import Span, consistency_spans, inclusion_spans, roots_of
from streams.audit.proof import GrowthProof, InclusionProof

_CERT = b'"cert":"'


@dataclass(slots=True)
class _Search:
    """What the first reading looks for, and what it has found."""

    uid: bytes
    wants_note: bool
    certs: dict[str, str] = field(default_factory=dict)
    event: bytes = b""
    link: Link | None = None
    note: Checkpoint | None = None


def prove_event(
    paths: Sequence[Path], uid: str, under: Iterable[Checkpoint] | None = None, advance: Advance = lambda _: None
) -> InclusionProof:
    """Prove one event.

    Args:
        paths: exports, in the order of writing.
        uid: the event's id, ``metadata.uid``; of an event that was written twice, the first is proved.
        under: checkpoints of which one is to be proved under, the first that covers the event; None for the first
            in the files behind the event, which gives the shortest proof.
        advance: told how many bytes were read since last.

    Raises:
        DanganError: DG-AUD-005 when a file cannot be read, DG-AUD-007 when the event is not in them, DG-AUD-009 when
            they hold no checkpoint over it or not the whole chain.
    """
    found = _Search(uid.encode(), wants_note=under is None)
    for value in values_in(paths, advance):
        if _look(found, value):
            break
    link = found.link
    if link is None:
        raise DanganError("DG-AUD-007", field="event")
    notes = [found.note] if found.note is not None else under or ()
    note = next((note for note in notes if note.writer == link.writer and note.size > link.seq), None)
    if note is None:
        raise DanganError("DG-AUD-009", detail="no checkpoint covers the event")
    path = _roots(paths, note, inclusion_spans(link.seq, note.size), advance)
    return InclusionProof(found.event, _cert(found.certs, link.writer), link.seq, path, note)


def _look(found: _Search, value: bytes) -> bool:
    """Look at one value; whether everything is found."""
    if found.link is not None:  # then only the checkpoint is missing
        if value.startswith(VALUE_PREFIX):
            note = from_value(value)
            if note is not None and note.writer == found.link.writer and note.size > found.link.seq:
                found.note = note
        return found.note is not None
    _note_cert(found.certs, value)  # of the certificates before the event the newest is the one that was valid
    if found.uid in value and _uid_of(value) == found.uid.decode():
        found.link, found.event = read_link(value), value
    return found.link is not None and not found.wants_note


def _note_cert(certs: dict[str, str], value: bytes) -> None:
    if _CERT in value and (link := read_link(value)) is not None and (cert := _cert_in(value)) is not None:
        certs[link.writer] = cert


def prove_growth(
    paths: Sequence[Path], older: Checkpoint, later: Checkpoint, advance: Advance = lambda _: None
) -> GrowthProof:
    """Prove that the later checkpoint's tree begins with the older one's.

    Args:
        paths: exports, in the order of writing.
        older: a checkpoint somebody has kept.
        later: one of the same writer over at least as many events.
        advance: told how many bytes were read since last.

    Raises:
        DanganError: DG-AUD-005 when a file cannot be read, DG-AUD-007 when the writer is not in them, DG-AUD-009 when
            they do not hold the whole chain or the checkpoints do not follow each other.
    """
    if older.writer != later.writer or not 0 < older.size <= later.size:
        raise DanganError("DG-AUD-009", detail="the checkpoints are not two of one writer, the older first")
    certs: dict[str, str] = {}
    for value in values_in(paths, advance):
        _note_cert(certs, value)
        if older.writer in certs:
            break
    cert = _cert(certs, older.writer)
    return GrowthProof(cert, _roots(paths, later, consistency_spans(older.size, later.size), advance), older, later)


def _cert(certs: dict[str, str], writer: str) -> str:
    if writer not in certs:
        raise DanganError("DG-AUD-009", detail="the beginning of the chain, which holds the certificate, is missing")
    return certs[writer]


def _roots(paths: Sequence[Path], note: Checkpoint, spans: Sequence[Span], advance: Advance) -> tuple[bytes, ...]:
    try:
        return tuple(roots_of(spans, _leaves(values_in(paths, advance), note.writer)))
    except ValueError as error:
        raise DanganError("DG-AUD-009", detail="events of the chain are missing") from error


def _leaves(values: Iterable[bytes], writer: str) -> Iterator[bytes]:
    """The leaf hashes of one writer's chain, in order, repetitions left out, up to the first that is missing."""
    mine, number = OPENING + writer.encode() + b'"', 0
    for value in values:
        if mine not in value:
            continue
        link = read_link(value)
        if link is None or link.writer != writer or link.seq < number:
            continue
        if link.seq > number:
            return
        number += 1
        yield leaf_hash(value)


def _uid_of(value: bytes) -> str | None:
    try:
        uid = orjson.loads(value)["metadata"]["uid"]
    except (ValueError, KeyError, TypeError):
        return None
    return uid if isinstance(uid, str) else None


def _cert_in(value: bytes) -> str | None:
    try:
        cert = orjson.loads(value)["unmapped"]["dangan"]["cert"]
    except (ValueError, KeyError, TypeError):
        return None
    return cert if isinstance(cert, str) else None
