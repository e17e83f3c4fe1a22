"""Approvals to collect core-sensitive fields (核心敏感资料, clause COL-13): what is signed and what it allows.

One approval covers a purpose, a form, some fields or kinds of attachment, and a time; a collect command names it in
``intake.approval``, an attach command in ``approval``. It is signed once (schemas/approvals.py, action
``approve-collection``) over the digest of the document.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.intake import FormName, Name, Reference
from schemas.members import FieldName

Seconds = Annotated[int, Field(ge=0)]
ATTACHMENT: Final = "attachment."
#: A field, or a kind of attachment as ``attachment.KIND``.
Covered = FieldName | Annotated[str, StringConstraints(pattern=r"^attachment\.[a-z][a-z0-9_-]{0,47}$")]


def field_of(kind: str) -> str:
    """What audit events, grants and approvals call a kind of attachment."""
    return f"{ATTACHMENT}{kind}"


class CollectionApproval(BaseModel):
    """What an approver allows.

    Attributes:
        id: the reference that commands name.
        form: the form and version that it is for; any form of the purpose without.
        purpose: the purpose that it is for.
        fields: the core-sensitive fields, and kinds of attachment, that may be collected.
        not_before, not_after: from when until when, UNIX seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Reference
    form: FormName | None = None
    purpose: Name
    fields: Annotated[frozenset[Covered], Field(min_length=1)]
    not_before: Seconds
    not_after: Seconds

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.not_after <= self.not_before:
            raise ValueError("not_after must be later than not_before")
        return self

    def digest(self) -> str:
        """SHA-256 over its canonical JSON, 64 hex digits: what the approver signs."""
        document = self.model_dump(mode="json")
        document["fields"] = sorted(document["fields"])
        return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval whose signature was verified, and who gave it."""

    document: CollectionApproval
    approver: str
