"""What a profile says of itself (``policies/profiles/NAME/profile.toml``): the text that it executes, and from where.

A profile is data. Its ``rules.toml`` overlays the rule book, its ``forms`` (if it has any) stand in place of the
shipped ones; this says of each setting which article it follows, and why others stay as strict as without a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Setting = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_0-9]+$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
#: Settings that the clauses name and that cannot be weakened: everything is encrypted with AES-256 (STO-02).
FIXED: Final = frozenset({"encryption.scope", "encryption.algorithm"})


class Profile(BaseModel):
    """``profile.toml``.

    Attributes:
        text: the regulation, as the clauses' ``sources`` name it (``004``, ``001/CRM``); None: an organisation's own.
        term: what it is about, in Chinese.
        applies_to: which organisations it is for.
        silence: what the text does not say, or where it is cut off.
        follows: setting -> the article that it follows; exactly the settings of the profile's ``rules.toml``.
        kept: setting -> why it stays as without a profile although the text, too, has a word on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Line | None = None
    title: Line
    term: Line = ""
    applies_to: Line
    silence: Line = ""
    follows: Mapping[Setting, Line] = Field(default_factory=dict)
    kept: Mapping[Setting, Line] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _either(self) -> Self:
        if both := sorted(self.follows.keys() & self.kept.keys()):
            raise ValueError(f"both followed and kept: {', '.join(both)}")
        if fixed := sorted(self.follows.keys() & FIXED):
            raise ValueError(f"nothing sets {', '.join(fixed)}")
        return self
