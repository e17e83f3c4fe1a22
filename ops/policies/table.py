"""The policy tests (``policies/tests/*.toml``) put to the policies: a table that compliance reads and extends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.authorize import Authorizer, seen_of
from ops.policies.cases import Case
from schemas.errors import Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policies say to a case; ``code`` where they cannot be evaluated."""

    case: Case
    allowed: bool
    code: str | None = None

    @property
    def as_expected(self) -> bool:
        """Whether it is what the row expects; an error never is."""
        return self.code is None and self.allowed == (self.case.expect == "allow")


def answers(authorizer: Authorizer, cases: Sequence[Case]) -> list[Answer]:
    """Ask every case, without the cache."""
    return [_answer(authorizer, case) for case in cases]


def _answer(authorizer: Authorizer, case: Case) -> Answer:
    who = case.who.principal()
    try:
        allowed = authorizer.ask(who.id, seen_of(who), case.action, case.level.rank, case.purpose, case.about)
    except Refusal as refusal:
        return Answer(case, False, refusal.code)
    return Answer(case, allowed)
