"""Registered notices (收集告知): what customers are told before anything is collected (clause COL-03).

Each file of ``policies/notices`` is one notice: its words, their digest, and what it says about purpose, scope, manner
and retention. A text is never changed under its name: the digest is what customers consented to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.intake import Name, Sha256

_Words = Annotated[str, StringConstraints(min_length=1)]
_ELEMENTS = ("purpose", "scope", "manner", "retention")


class NoticeText(BaseModel):
    """One notice.

    Attributes:
        purposes: the purposes of the catalogue that it is for.
        purpose, scope, manner, retention: what it says of each, for the register; empty when it is silent.
        retention_months: the period it tells, if it tells one in figures.
        text: the words that customers are given.
        sha256: of ``text`` in UTF-8, 64 hex digits.
        consent_texts: digests of declarations of consent that go with it, besides its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    purposes: Annotated[tuple[Name, ...], Field(min_length=1)]
    purpose: _Words | None = None
    scope: _Words | None = None
    manner: _Words | None = None
    retention: _Words | None = None
    retention_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    text: _Words
    sha256: Sha256
    consent_texts: frozenset[Sha256] = frozenset()

    @model_validator(mode="after")
    def _digest_is_the_texts(self) -> Self:
        if hashlib.sha256(self.text.encode()).hexdigest() != self.sha256:
            raise ValueError("sha256 is not the digest of text: a notice is never changed under its name")
        return self

    def lacks(self, elements: Collection[str]) -> tuple[str, ...]:
        """Which of the elements it is silent about."""
        return tuple(name for name in _ELEMENTS if name in elements and getattr(self, name) is None)

    def covers_consent_to(self, text_sha256: str) -> bool:
        """Whether that is the digest of its text, or of a declaration of consent that goes with it."""
        return text_sha256 == self.sha256 or text_sha256 in self.consent_texts


def notices_from(files: Mapping[str, Mapping[str, Any]], purposes: Collection[str]) -> dict[str, NoticeText]:
    """The notices of parsed files, by the name that commands refer to them with.

    Raises:
        ValueError: naming the notice that is wrong, and why.
    """
    made = {}
    for name, data in files.items():
        try:
            notice = NoticeText.model_validate(data)
        except ValueError as error:
            raise ValueError(f"notice {name}: {error}") from None
        if unknown := sorted(set(notice.purposes) - set(purposes)):
            raise ValueError(f"notice {name} is for unknown purposes: {', '.join(unknown)}")
        made[name] = notice
    return made
