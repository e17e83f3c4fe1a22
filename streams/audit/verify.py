"""Verifies audit records offline: from an export or straight from the topic, as a stream, in bounded memory.

Each value is hashed as it stands; only the place it states at its end is read, never the event itself, except
the first of a chain, which carries the writer's certificate. With the trust file's public keys this proves that
nothing was altered, dropped or reordered. What it cannot see by itself is a chain cut off right behind one of
its checkpoints: for that, it is given checkpoints that were kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import orjson

from schemas.errors import DanganError
from schemas.trust import Trust
from streams.audit.chain import OPENING, read_link
from streams.audit.checkpoint import VALUE_PREFIX, Checkpoint, from_value, is_signed_by
from streams.audit.findings import Finding, Kind, Place, Report, WriterSummary
from streams.audit.track import Track
from streams.writer import certified_writer

_MAX_STRAYS = 64
_ENTITY_EVENT = b'{"class_uid":3004'
_KEPT = Place("kept checkpoint", 0)


class Verifier:
    """Feed it every value in the order read, then :meth:`finish`.

    Args:
        trust: holds the public keys that certify writers.
        kept: checkpoints kept elsewhere; at most one for a writer counts, the largest.
    """

    def __init__(self, trust: Trust, kept: Iterable[Checkpoint] = ()) -> None:
        self._trust = trust
        self._tracks: dict[bytes, Track] = {}
        self._keys: dict[str, bytes] = {}
        self._unknown: set[str] = set()
        self._kept: dict[str, Checkpoint] = {}
        self._watched: dict[bytes, int] = {}
        self._strays: list[Place] = []
        self._report = Report()
        for one in kept:
            known = self._kept.get(one.writer)
            if known is None or known.size < one.size:
                self._kept[one.writer] = one
                self._watched[one.writer.encode()] = one.size

    def feed(self, value: bytes, source: str, number: int) -> None:
        """Take the next value.

        Args:
            value: a record's value, as it stands on the topic or a line of an export without its line break.
            source: a file's name, or a partition's.
            number: line from 1, or offset.
        """
        at = value.rfind(OPENING)
        if at < 0:
            self._other(value, Place(source, number))
            return
        start = at + len(OPENING)
        writer = value[start : value.find(b'"', start)]
        track = self._tracks.get(writer)
        if track is not None and value.startswith(track.expected, at):
            track.follow(sha256(b"\x00" + value).digest(), source, number)
            if value.startswith(_ENTITY_EVENT):
                self._certify(value, track, Place(source, number))
        else:
            track = self._unusual(value, Place(source, number))
        if self._watched and track is not None and self._watched.get(writer) == track.next:
            self._compare_kept(track)

    def _unusual(self, value: bytes, place: Place) -> Track | None:
        link = read_link(value)
        if link is None:
            self._stray(place)
            return None
        name = link.writer.encode()
        track = self._tracks.get(name)
        if track is None:
            track = self._tracks[name] = Track(link.writer, self._report.add)
        if track.take(link, sha256(b"\x00" + value).digest(), place, self._strays):
            self._report.duplicates += 1
        elif value.startswith(_ENTITY_EVENT):
            self._certify(value, track, place)
        return track

    def _certify(self, value: bytes, track: Track, place: Place) -> None:
        """Take the writer's key from an event that carries a certificate."""
        link = read_link(value)
        if b'"cert":"' not in value or link is None:
            return
        try:
            cert = orjson.loads(value)["unmapped"]["dangan"]["cert"]
            writer = certified_writer(cert, trust=self._trust, at=link.at / 1000)
        except (ValueError, KeyError, TypeError, AttributeError, DanganError):
            self._disown(track.writer, link.seq, place, "its certificate does not verify")
            return
        known = self._keys.get(track.writer)
        if writer.id != link.writer or (known is not None and known != writer.x):
            self._disown(track.writer, link.seq, place, "its certificate is for another writer")
            return
        self._keys[track.writer] = writer.x

    def _disown(self, writer: str, seq: int, place: Place | None, detail: str) -> None:
        if writer not in self._unknown:
            self._unknown.add(writer)
            self._report.add(Finding(Kind.UNKNOWN, writer, seq, seq, place, detail))

    def _other(self, value: bytes, place: Place) -> None:
        """Take what is not an event: a checkpoint, or nothing of ours."""
        if not value.startswith(VALUE_PREFIX):
            self._stray(place)
            return
        checkpoint = from_value(value)
        if checkpoint is None:
            self._report.add(Finding(Kind.FORGED, None, -1, -1, place, "it cannot be read"))
            return
        track = self._tracks.get(checkpoint.writer.encode())
        if track is None:
            detail = "a checkpoint of a writer without events here"
            self._disown(checkpoint.writer, checkpoint.size - 1, place, detail)
        elif self._is_genuine(checkpoint, place):
            if track.checkpoint(checkpoint, place, self._strays):
                self._report.duplicates += 1
            else:
                self._report.checkpoints += 1

    def _is_genuine(self, checkpoint: Checkpoint, place: Place) -> bool:
        key = self._keys.get(checkpoint.writer)
        if key is None:
            self._disown(checkpoint.writer, checkpoint.size - 1, place, "there is no certificate of it")
            return False
        if not is_signed_by(checkpoint, key):
            detail = "its signature does not verify"
            seq = checkpoint.size - 1
            self._report.add(Finding(Kind.FORGED, checkpoint.writer, seq, seq, place, detail))
            return False
        return True

    def _stray(self, place: Place) -> None:
        if len(self._strays) >= _MAX_STRAYS:
            self._report.add(Finding(Kind.FOREIGN, None, -1, -1, place, "neither event nor checkpoint"))
        else:
            self._strays.append(place)

    def _compare_kept(self, track: Track) -> None:
        kept = self._kept[track.writer]
        del self._watched[track.writer.encode()]
        if self._is_genuine(kept, _KEPT):
            track.compare(kept, _KEPT)

    def finish(self) -> Report:
        """Say what was found."""
        report = self._report
        for track in self._tracks.values():
            if track.writer not in self._keys:
                self._disown(track.writer, 0, track.place, "there is no certificate of it")
            kept = self._kept.get(track.writer)
            if kept is not None and kept.size > track.next:
                self._cut_short(kept, track.next, track.place)
            track.finish()
            report.events += track.events
            report.writers.append(WriterSummary(track.writer, track.events, track.covered))
        for writer, kept in self._kept.items():
            if writer.encode() not in self._tracks:
                self._cut_short(kept, 0, None)
        for place in self._strays:
            report.add(Finding(Kind.FOREIGN, None, -1, -1, place, "neither event nor checkpoint"))
        return report

    def _cut_short(self, kept: Checkpoint, first: int, place: Place | None) -> None:
        last = kept.size - 1
        detail = "missing, though a checkpoint kept elsewhere covers them"
        self._report.add(Finding(Kind.TRUNCATED, kept.writer, first, last, place, detail))
