"""Arrangement (整理归档): what a record must say to be filed, and what the index and its code are made of. Pure.

Nothing here opens content: an entry of the index is made of the circumstances of the collection and of the names of
fields, never of values (clause ARR-11).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from consumers.rules import Rules
from schemas.errors import Refusal
from schemas.intake import Intake
from schemas.rulebook import RuleBook
from store.archive_entries import GRADE_MARKS, NO_PAPER, Entry
from store.record import Record, Stage

#: The archive's years are those of China (UTC+8).
_CHINA: Final = timezone(timedelta(hours=8))
#: Records of these stages are numbered and indexed: an open query is answered first (ARR-14).
NUMBERED: Final[frozenset[Stage]] = frozenset({"reviewed", "handed_over", "archived"})


def check(intake: Intake | None, book: RuleBook) -> None:
    """Whether a record says enough about itself to be filed, in the rule book's words.

    Args:
        intake: the circumstances of its collection, None when nothing was said.
        book: its tables ``[segment]`` and ``[arrange]``.

    Raises:
        Refusal: DG-ARR-001 without a kind of customer and DG-ARR-002 for a word that is not in the rule book
            (客户类型, 特殊客户; clause ARR-06); DG-ARR-007 when no paper counterpart is named, nor ``none``
            (纸质档案对应; clause ARR-12); DG-ARR-009 for a household's paper of an unknown kind (分户建立; ARR-15).
    """
    customer = intake.customer if intake else None
    if customer is None:
        if book.segment.customer_required:
            raise Refusal("DG-ARR-001", field="intake.customer")
    else:
        rules = book.segment
        for name, word, words in (
            ("business_type", customer.business_type, rules.business_types),
            ("segment", customer.segment, rules.vocabulary),
            ("special", customer.special, rules.special),
            ("importance", customer.importance, rules.importance_tiers),
        ):
            if word is not None:
                check_word(f"intake.customer.{name}", word, words)
    if book.arrange.paper_required and (intake is None or intake.paper is None):
        raise Refusal("DG-ARR-007", field="intake.paper")
    if intake is not None and intake.household is not None and intake.item not in book.arrange.household_papers:
        raise Refusal("DG-ARR-009", field="intake.item")


def check_word(field: str, word: str, words: Collection[str]) -> None:
    """Whether the rule book has the word.

    Raises:
        Refusal: DG-ARR-002 with the words that there are.
    """
    if word not in words:
        raise Refusal("DG-ARR-002", field=field, detail=", ".join(words))


def code_facts(record: Record, book: RuleBook) -> dict[str, str]:
    """What of a record its archive code may be made of (clause ARR-10), by the names that a template uses.

    The year is that of the event, or of the collection where no event is named, in China.
    """
    intake = record.intake or {}
    known = {"year": str(_happened(intake, record.at_ms).year)}
    if customer := intake.get("customer"):
        known["type"] = book.arrange.type_letters.get(customer["type"], "")
        known |= {"business": customer["business_type"], "segment": customer["segment"]}
    if household := intake.get("household"):
        floor = household["floor"]
        known["floor"] = str(floor) if floor >= 0 else f"B{-floor}"
        known |= {"building": household["building"], "unit": household["unit"]}
    return known


def _happened(intake: Mapping[str, Any], at_ms: int) -> datetime:
    said = intake.get("happened_at")
    moment = datetime.fromisoformat(said) if said else datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.astimezone(_CHINA)


def entry(record: Record, code: str | None, rules: Rules) -> Entry:
    """The record's entry in the index (索引目录; clause ARR-11), with its grade in the remarks (ARR-16).

    Its categories are those of the fields that it holds, and that of its kind of item.
    """
    intake = record.intake or {}
    customer = intake.get("customer") or {}
    household = intake.get("household")
    grade = intake.get("grade", "none")
    fields, items, item = rules.catalogue.fields, rules.forms.items, intake.get("item")
    categories = {fields[name].category for name in record.fields if name in fields}
    if item is not None and item in items:
        categories.add(items[item].category)
    return Entry(
        record=record.id,
        customer=record.subject,
        code=code,
        version=record.version,
        purpose=record.purpose,
        level=record.level,
        type=customer.get("type"),
        business_type=customer.get("business_type"),
        segment=customer.get("segment"),
        special=customer.get("special"),
        categories=tuple(sorted(categories)),
        item=item,
        consent=record.consent is not None,
        grade=grade,
        remarks=GRADE_MARKS.get(grade, ""),
        household=f"{household['building']}/{household['floor']}/{household['unit']}" if household else None,
        paper=intake.get("paper"),
    )


def needs_paper(paper: str | None) -> bool:
    """Whether an entry names a paper that must exist."""
    return paper is not None and paper != NO_PAPER
