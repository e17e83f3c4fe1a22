"""What may be copied, printed or exported, and to which computer (复制、摘抄; clauses USE-13, STO-17). Pure."""

from __future__ import annotations

from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant
from schemas.rule_tables.use import Use


def is_important(level: Level, grade: str, use: Use) -> bool:
    """Whether copying takes approval: by the tier of what is copied, or the record's grade of secrecy (密级)."""
    return level.value in use.important_tiers or grade in use.important_grades


def check_copy(grant: Grant | None, level: Level, grade: str, terminal: str | None, use: Use) -> None:
    """Refuse a copy that was not approved, or that would go to a shared terminal.

    Args:
        grant: what it is read under.
        level: the highest level among the fields that are copied.
        grade: the record's grade of secrecy: ``none``, ``secret`` or ``top_secret``.
        terminal: the computer that the copy goes to, in lower case.
        use: the rule book's table.

    Raises:
        Refusal: DG-USE-014, 020.
    """
    check_terminal(terminal, use)
    if is_important(level, grade, use) and (grant is None or not grant.copying):
        raise Refusal("DG-USE-020")


def check_terminal(terminal: str | None, use: Use) -> None:
    """Refuse a terminal that is registered as shared (公共计算机).

    Raises:
        Refusal: DG-USE-014.
    """
    if terminal is not None and terminal.lower() in use.shared_terminals:
        raise Refusal("DG-USE-014", field="terminal")
