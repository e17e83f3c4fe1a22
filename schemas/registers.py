"""Registers (登记簿): entries whose life is a list of steps, each by somebody at a time.

Media, loans, rectification notices and the like are kept this way. What may follow what is a table
(:class:`Lifecycle`); the step is a pure function, the store (store/registers.py) only keeps what it gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from schemas.errors import Refusal
from schemas.values import looks_personal

Said = str | int | bool | tuple[str, ...]
#: Characters of one text, members of a step, steps of an entry, members of a list.
MAX_TEXT: Final = 500
MAX_SAID: Final = 32
MAX_STEPS: Final = 1000
MAX_LIST: Final = 256

_NOTHING: Final[Mapping[str, Said]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: a verb, by a principal, at a time (UNIX seconds), with what was said about it."""

    verb: str
    by: str
    at: int
    said: Mapping[str, Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands.

    Attributes:
        id: an opaque reference.
        kind: what it is, a word of the register.
        state: how far its life is.
        facts: what is known of it now: what its steps said, later ones over earlier ones.
        steps: its whole life.
        version: how many steps that are; what the store compares before it swaps.
    """

    id: str
    kind: str
    state: str
    facts: Mapping[str, Said]
    steps: tuple[Step, ...]

    @property
    def version(self) -> int:
        """The number of steps so far."""
        return len(self.steps)

    @property
    def since(self) -> int:
        """When the last step was done, UNIX seconds."""
        return self.steps[-1].at

    def text(self, name: str) -> str:
        """A fact as text; empty when it is not known."""
        value = self.facts.get(name, "")
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    def step(self, verb: str) -> Step | None:
        """The last step with that verb."""
        return next((each for each in reversed(self.steps) if each.verb == verb), None)


@dataclass(frozen=True, slots=True)
class Move:
    """A step that may be done.

    Attributes:
        after: the states in which it may be.
        to: the state that follows; None leaves it.
        needs: what has to be said.
        may: what can be said besides.
        words: of what is said, the words that there are.
        not_by: verbs: who did one of these may not do this (两人).
        persons: members that name a second person, who must be another than the one who acts.
    """

    after: frozenset[str]
    to: str | None
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    not_by: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What may follow what in one register. ``first`` is the verb that makes an entry; ``over`` are its last states."""

    name: str
    first: str
    moves: Mapping[str, Move]
    over: frozenset[str]

    def begin(self, reference: str, kind: str, said: Mapping[str, Said], *, by: str, at: int) -> Entry:
        """A new entry.

        Raises:
            Refusal: DG-REG-003 to 005 and 007.
        """
        move = self.moves[self.first]
        step = self._step(self.first, move, said, by=by, at=at)
        return Entry(reference, kind, move.to or "", dict(step.said), (step,))

    def follow(self, entry: Entry, verb: str, said: Mapping[str, Said] = _NOTHING, *, by: str, at: int) -> Entry:
        """The entry after a step; the same entry when its last step was this very one.

        Args:
            entry: as it stands.
            verb: what is done.
            said: about it.
            by: who does it.
            at: UNIX seconds.

        Raises:
            Refusal: DG-REG-002 (not in this state), 003 (something is missing), 004 (it must be somebody else),
                005 (a word that there is not, or a member too many), 006 (its life is too long), 007 (personal).
        """
        last = entry.steps[-1]
        if (last.verb, last.by) == (verb, by) and dict(last.said) == dict(said):
            return entry
        move = self.moves.get(verb)
        if move is None or verb == self.first or entry.state not in move.after:
            raise Refusal("DG-REG-002", field=verb, detail=entry.state)
        if len(entry.steps) >= MAX_STEPS:
            raise Refusal("DG-REG-006", detail=str(MAX_STEPS))
        for other in move.not_by:
            if any(step.verb == other and step.by == by for step in entry.steps):
                raise Refusal("DG-REG-004", field=verb, detail=other)
        step = self._step(verb, move, said, by=by, at=at)
        return replace(
            entry,
            state=entry.state if move.to is None else move.to,
            facts={**entry.facts, **step.said},
            steps=(*entry.steps, step),
        )

    def is_over(self, entry: Entry) -> bool:
        """Whether nothing is left to do about it."""
        return entry.state in self.over

    def _step(self, verb: str, move: Move, said: Mapping[str, Said], *, by: str, at: int) -> Step:
        if missing := sorted(move.needs - said.keys()):
            raise Refusal("DG-REG-003", field=missing[0])
        for name, value in said.items():
            if name not in move.needs | move.may:
                raise Refusal("DG-REG-005", field=name)
            _check_value(name, value)
            if name in move.words and value not in move.words[name]:
                raise Refusal("DG-REG-005", field=name, detail=", ".join(sorted(move.words[name])))
            if name in move.persons and value == by:
                raise Refusal("DG-REG-004", field=name)
        return Step(verb, by, at, dict(said))


def _check_value(name: str, value: Said) -> None:
    texts = value if isinstance(value, tuple) else (value,)
    if len(texts) > MAX_LIST:
        raise Refusal("DG-REG-005", field=name, detail=f"at most {MAX_LIST}")
    for text in texts:
        if isinstance(text, str) and (not text or len(text) > MAX_TEXT):
            raise Refusal("DG-REG-005", field=name, detail=f"1 to {MAX_TEXT} characters")
        if isinstance(text, str) and looks_personal(text):
            raise Refusal("DG-REG-007", field=name)
