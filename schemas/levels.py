"""Sensitivity levels (tiers) of fields, and the Vault roots that serve them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Level(StrEnum):
    """Sensitivity of a field; the level of a record or answer is the highest in it (clause ARR-04)."""

    CORE = "core"  # 核心敏感: identity papers, bank accounts
    SENSITIVE = "sensitive"  # 一般敏感: contact, address, a person's name
    BASIC = "basic"  # 基本业务: dealings

    __hash__ = str.__hash__  # an Enum's own is a Python function, and levels are keys everywhere

    @property
    def rank(self) -> int:
        """0 for the least sensitive; higher is more sensitive."""
        return _RANKS[self]


#: By value: what ``Level(value)`` gives, in a tenth of the time.
LEVELS: Final[Mapping[str, Level]] = MappingProxyType({level.value: level for level in Level})
_DESCENDING = (Level.CORE, Level.SENSITIVE, Level.BASIC)
_RANKS = {Level.BASIC: 0, Level.SENSITIVE: 1, Level.CORE: 2}


def highest(levels: Collection[Level]) -> Level:
    """The highest of the levels given; ``basic`` for none."""
    return next((level for level in _DESCENDING if level in levels), Level.BASIC)
