"""Follows one writer's chain, event by event, and says where it breaks.

After a break the track goes on from what it sees, so that one alteration gives one finding and later ones are
still found. When two neighbours do not fit (``prev`` of the second is not the hash of the first), the next event
or checkpoint decides which of them was altered: it vouches for the second, or it does not.
"""

from __future__ import annotations

from binascii import hexlify
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from streams.audit.chain import FIRST_PREV, OPENING, Link
from streams.audit.checkpoint import Checkpoint
from streams.audit.findings import Finding, Kind, Place
from streams.audit.merkle import CompactRange

#: How far back an exact repetition is recognised, in events: more than one record batch holds.
WINDOW = 4096
_NOTHING = b"\x00"


class _Gap(NamedTuple):
    first: int
    last: int
    place: Place


class Track:
    """What is known of one chain. ``next`` is the number expected next, ``head`` the last event's leaf hash."""

    __slots__ = (
        "_excused", "_gaps", "_pending", "_prefix", "_recent", "_report", "_seen", "covered", "events", "expected",
        "head", "next", "number", "source", "tree", "whole", "writer",
    )  # fmt: skip

    def __init__(self, writer: str, report: Callable[[Finding], None]) -> None:
        self.writer = writer
        self.next = 0
        self.head = FIRST_PREV
        self.tree = CompactRange()
        self.whole = True  # the tree holds exactly the events 0 to next - 1
        self.events = 0
        self.covered = 0
        self.source = ""
        self.number = -1
        self._report = report
        self._prefix = OPENING + writer.encode() + b'","seq":'
        self._recent: deque[bytes] = deque(maxlen=WINDOW)
        self._seen: deque[tuple[int, bytes]] = deque(maxlen=64)  # checkpoints: size, head
        self._gaps: list[_Gap] = []
        self._pending: tuple[Place, Place] | None = None  # the two that do not fit: next - 2 and next - 1
        self._excused = False  # the last event is known to be altered: the next one cannot fit
        self.expected = b""
        self._expect()

    @property
    def place(self) -> Place:
        """Where the last event was read."""
        return Place(self.source, self.number)

    def follow(self, leaf: bytes, source: str, number: int) -> None:
        """Take the event that ``expected`` announced: the usual case."""
        self.next += 1
        self.events += 1
        self.head = leaf
        self.tree.append(leaf)
        self._recent.append(leaf)
        self.source = source
        self.number = number
        self.expected = b'%b%d,"prev":"%b","at":' % (self._prefix, self.next, hexlify(leaf))

    def take(self, link: Link, leaf: bytes, place: Place, strays: list[Place]) -> bool:
        """Take any other event of this writer.

        Args:
            link: the place it states.
            leaf: its leaf hash.
            place: where it was read.
            strays: places of unreadable values, oldest first; those that explain a gap are taken out.

        Returns:
            Whether it was an exact repetition.
        """
        fits = link.prev == self.head
        if link.seq == self.next:
            self._judge(fits, place)
        elif fits:
            self._find(Kind.ALTERED, self.next, place, "the number does not fit the chain")
            self.whole, self._excused = False, True
        elif link.seq < self.next:
            return self._again(link.seq, leaf, place)
        else:
            self.miss(link.seq, place, strays)
        self.follow(leaf, *place)
        if self._excused or self._pending:
            self.expected = _NOTHING
        return False

    def _judge(self, fits: bool, place: Place) -> None:
        """Judge the link between the last event and the one at ``place``, which has the expected number."""
        if self._pending is not None:
            self._settle(vouched=fits)
            self._excused = False
        elif fits or self._excused:
            self._excused = False
        elif self.next == 0:
            self._find(Kind.ALTERED, 0, place, "the first event does not begin a chain")
            self.whole, self._excused = False, True
        else:
            self._pending = (self.place, place)
            self.whole = False

    def _settle(self, *, vouched: bool) -> None:
        """Say which of the pending two was altered; ``vouched``: what follows fits the second of them."""
        if self._pending is None:
            return
        first, second = self._pending
        self._pending = None
        if vouched:
            self._find(Kind.ALTERED, self.next - 2, first, "its bytes are not those that were chained")
        else:
            self._find(Kind.ALTERED, self.next - 1, second, "its bytes are not those that were chained")

    def _again(self, seq: int, leaf: bytes, place: Place) -> bool:
        for at, gap in enumerate(self._gaps):
            if gap.first <= seq <= gap.last:
                parts = (_Gap(gap.first, seq - 1, gap.place), _Gap(seq + 1, gap.last, gap.place))
                self._gaps[at : at + 1] = [part for part in parts if part.first <= part.last]
                self._find(Kind.REORDERED, seq, place, "it stands after later ones")
                return False
        back = self.next - seq
        if back > len(self._recent):
            self._find(Kind.DUPLICATE, seq, place, "repeated too late to be compared")
            return False
        if self._recent[-back] != leaf:
            self._find(Kind.DUPLICATE, seq, place, "another event has this number")
            return False
        return True

    def miss(self, seq: int, place: Place, strays: list[Place]) -> None:
        """Note that ``next`` to ``seq - 1`` are missing before what stands at ``place``."""
        if self._pending is not None:
            self._settle(vouched=True)
        self._excused = False
        while strays and self.next < seq:
            self._find(Kind.ALTERED, self.next, strays.pop(0), "it cannot be read any more")
            self._skip(self.next + 1)
        if self.next < seq:
            self._gaps.append(_Gap(self.next, seq - 1, place))
            self._skip(seq)

    def _skip(self, seq: int) -> None:
        self._recent.extend([_NOTHING] * min(seq - self.next, WINDOW))
        self.next = seq
        self.whole = False

    def checkpoint(self, checkpoint: Checkpoint, place: Place, strays: list[Place]) -> bool:
        """Compare a checkpoint that the writer signed with what was read; return whether it is a repetition."""
        if (checkpoint.size, checkpoint.head) in self._seen:
            return True
        if checkpoint.size < self.next:
            self._late(checkpoint, place)
            return False
        if checkpoint.size > self.next:
            self.miss(checkpoint.size, place, strays)
            self.head = checkpoint.head
        self.compare(checkpoint, place)
        self._seen.append((checkpoint.size, checkpoint.head))
        self.covered = checkpoint.size
        return False

    def compare(self, checkpoint: Checkpoint, place: Place) -> None:
        """Compare a signed checkpoint over exactly the events read so far."""
        fits = checkpoint.head == self.head
        if self._pending is not None:
            self._settle(vouched=fits)
        elif not fits and not self._excused:
            self._find(Kind.ALTERED, self.next - 1, self.place, "its bytes are not those that were signed")
            self.whole = False
        elif self.whole and checkpoint.root != self.tree.root():
            self._find(Kind.FORGED, self.next - 1, place, "its root is not that of the events before it")
            self.whole = False
        self._excused = False
        self.head = checkpoint.head  # signed: the next event must fit this one
        self._expect()

    def _late(self, checkpoint: Checkpoint, place: Place) -> None:
        back = self.next - checkpoint.size + 1
        known = self._recent[-back] if checkpoint.size > 0 and back <= len(self._recent) else _NOTHING
        if known in (checkpoint.head, _NOTHING):
            self._find(Kind.REORDERED, checkpoint.size - 1, place, "its checkpoint stands after later events")
        else:
            self._find(Kind.FORGED, checkpoint.size - 1, place, "it covers other events")

    def finish(self) -> None:
        """Report what is still open at the end of the records."""
        if self._pending is not None:
            self._settle(vouched=True)
        for gap in self._gaps:
            at_end = gap.last == self.next - 1
            kind = Kind.TRUNCATED if at_end else Kind.DROPPED
            self._report(Finding(kind, self.writer, gap.first, gap.last, gap.place, "missing"))
        if self.covered < self.next:
            self._report(
                Finding(
                    Kind.TRUNCATED,
                    self.writer,
                    self.covered,
                    self.next - 1,
                    self.place,
                    "no valid checkpoint covers these events",
                )
            )

    def _expect(self) -> None:
        self.expected = b'%b%d,"prev":"%b","at":' % (self._prefix, self.next, hexlify(self.head))

    def _find(self, kind: Kind, seq: int, place: Place, detail: str) -> None:
        self._report(Finding(kind, self.writer, seq, seq, place, detail))
