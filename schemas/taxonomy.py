"""The categories of information (信息分类): one model, and other texts' words for them (clauses ARR-01, ARR-02).

Every field, form and kind of item carries one category of :data:`CATEGORIES`. The regulations name categories of their
own; the rule book's ``taxonomy.category_map`` says which unified category each of their words is, and is refused at
start when one has none: ``TEXT/WORD`` -> category.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: 基本, 交易, 偏好, 反馈, 其他 (000 art. 2(2)), with the subcategories of the other texts.
CATEGORIES: Final = frozenset(
    (
        "basic", "basic.identity", "basic.property",
        "transaction", "transaction.trade", "transaction.voucher",
        "preference", "preference.derived",
        "feedback", "feedback.communication",
        "other", "other.credit", "other.assessment", "other.legal",
    )
)  # fmt: skip
#: Information that processing or analysis makes (衍生信息, clause ARR-05).
DERIVED: Final = "preference.derived"
#: Recordings and what is taken from them (电话录音, clause COL-14).
COMMUNICATION: Final = "feedback.communication"
#: Text -> its own words for categories, in English.
WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "000": ("basic", "transaction", "preference", "feedback", "other"),
        "003": ("basic", "business_records", "communication", "assessment", "other"),
        "敏感信息": ("identity", "property", "credit", "financial_transaction", "derived", "other"),
        "长城国瑞": ("basic", "voucher", "trade_record"),
    }
)


def check_map(mapping: Mapping[str, str]) -> None:
    """Check that every word of the other texts has exactly one unified category.

    Raises:
        ValueError: naming the words without one, the targets that are none, or words that no text has.
    """
    words = {f"{text}/{word}" for text, those in WORDS.items() for word in those}
    if missing := sorted(words - mapping.keys()):
        raise ValueError(f"taxonomy.category_map lacks {', '.join(missing)}")
    if strange := sorted(word for word, category in mapping.items() if category not in CATEGORIES):
        raise ValueError(f"taxonomy.category_map: no unified category for {', '.join(strange)}")
    if clash := sorted(mapping.keys() & CATEGORIES):
        raise ValueError(f"taxonomy.category_map maps unified categories: {', '.join(clash)}")


def unified(word: str, mapping: Mapping[str, str]) -> str:
    """The unified category of a category's name, be it one itself or another text's word (clause ARR-02).

    Raises:
        ValueError: when it is unmapped.
    """
    if word in CATEGORIES:
        return word
    category = mapping.get(word)
    if category is None:
        raise ValueError(f"category {word!r} is none of the unified model and not in taxonomy.category_map")
    return category
