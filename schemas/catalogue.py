"""The field catalogue: which fields exist, how sensitive they are, which purposes need them.

The file ``policies/catalogue.toml`` belongs to the organisation; this module gives it meaning and refuses
it at start when it contradicts itself.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.errors import Refusal
from schemas.intake import Name
from schemas.levels import Level
from schemas.taxonomy import COMMUNICATION, unified

Kind = Literal[
    "text", "name", "cn_id", "cn_uscc", "phone", "email", "card", "date", "moment", "amount", "integer", "choice"
]
Mask = Annotated[str, StringConstraints(pattern=r"^(all|none|name|email|ends:\d{1,2},\d{1,2})$")]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class FieldSpec(BaseModel):
    """One field of the catalogue (one table ``[fields.NAME]``): without category and level there is none (ARR-03)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str
    level: Level
    kind: Kind
    mask: Mask
    index: bool = False
    choices: tuple[str, ...] = ()


class Purpose(BaseModel):
    """One purpose (处理目的), the uses it covers and the fields it needs; others are refused (COL-01, COL-02).

    A purpose without listed ``uses`` has one, which is called as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    retention_class: str
    fields: frozenset[str]
    uses: tuple[Name, ...] = ()


class AttachmentSpec(BaseModel):
    """One kind of attachment (附件), one table ``[attachments.KIND]``: level, category, file types, purposes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str
    level: Level
    types: Annotated[frozenset[Literal["pdf", "jpeg", "png"]], Field(min_length=1)]
    purposes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All fields and purposes, looked up by name.

    Attributes:
        needed: each purpose's fields.
        attachments: the kinds of attachment.
        recordings: the fields that come of recordings (COL-14).
    """

    fields: Mapping[str, FieldSpec]
    purposes: Mapping[str, Purpose]
    needed: Mapping[str, Mapping[str, FieldSpec]]
    attachments: Mapping[str, AttachmentSpec] = dataclasses.field(default_factory=dict)
    recordings: frozenset[str] = frozenset()

    @classmethod
    def from_mapping(
        cls,
        data: Mapping[str, Any],
        *,
        category_map: Mapping[str, str] = _NOTHING,
        tiers: Mapping[str, Level] = _NOTHING,
        fields_by_purpose: Mapping[str, tuple[str, ...]] = _NOTHING,
    ) -> Catalogue:
        """Read a parsed ``catalogue.toml``, with what the rule book changes of it.

        Args:
            data: the tables ``fields``, ``purposes`` and ``attachments``.
            category_map: other texts' words -> unified categories (ARR-02).
            tiers: field -> level instead of the file's; only a higher one is taken (ARR-03).
            fields_by_purpose: purpose -> the fields it needs, instead of the file's (COL-02).

        Raises:
            ValueError: naming the table and key that is wrong.
        """
        fields = {name: _field(name, spec, category_map) for name, spec in data["fields"].items()}
        _raise_levels(fields, tiers)
        purposes = {name: Purpose.model_validate(spec) for name, spec in data["purposes"].items()}
        for name, names in fields_by_purpose.items():
            if name not in purposes:
                raise ValueError(f"collection.fields_by_purpose names an unknown purpose: {name}")
            purposes[name] = purposes[name].model_copy(update={"fields": frozenset(names)})
        for name, purpose in purposes.items():
            if unknown := sorted(purpose.fields - fields.keys()):
                raise ValueError(f"purposes.{name}.fields names unknown fields: {', '.join(unknown)}")
        for name, spec in fields.items():
            if (spec.kind == "choice") != bool(spec.choices):
                raise ValueError(f"fields.{name}: choices go with kind = 'choice', and only with it")
        needed = {
            name: {each: spec for each, spec in fields.items() if each in purpose.fields}
            for name, purpose in purposes.items()
        }
        attachments = _attachments(data.get("attachments", {}), purposes, category_map)
        recordings = frozenset(name for name, spec in fields.items() if spec.category == COMMUNICATION)
        return cls(fields, purposes, needed, attachments, recordings)

    def field(self, name: str) -> FieldSpec:
        """The field's entry.

        Raises:
            Refusal: DG-COL-001, naming the nearest known field.
        """
        spec = self.fields.get(name)
        if spec is None:
            near = difflib.get_close_matches(name, self.fields, n=1)
            raise Refusal("DG-COL-001", field=name, detail=f"did you mean {near[0]}?" if near else None)
        return spec

    def needed_field(self, name: str, purpose: str) -> FieldSpec:
        """The entry of a field that the purpose needs (clause COL-01, minimality).

        Raises:
            Refusal: DG-COL-001 for an unknown field, DG-COL-005 for one that the purpose does not need.
        """
        spec = self.needed[purpose].get(name)
        if spec is None:
            self.field(name)
            raise Refusal("DG-COL-005", field=name)
        return spec

    def purpose(self, name: str) -> Purpose:
        """The purpose's entry.

        Raises:
            Refusal: DG-COL-006.
        """
        purpose = self.purposes.get(name)
        if purpose is None:
            raise Refusal("DG-COL-006", detail=name)
        return purpose


def _raise_levels(fields: dict[str, FieldSpec], tiers: Mapping[str, Level]) -> None:
    for name, level in tiers.items():
        if name not in fields:
            raise ValueError(f"sensitivity.tier_by_field names an unknown field: {name}")
        if level.rank < fields[name].level.rank:
            raise ValueError(f"sensitivity.tier_by_field would lower {name}: it may only raise")
        fields[name] = fields[name].model_copy(update={"level": level})


def _field(name: str, spec: Any, category_map: Mapping[str, str]) -> FieldSpec:
    made = FieldSpec.model_validate(spec)
    return made.model_copy(update={"category": _category(f"fields.{name}", made.category, category_map)})


def _attachments(
    data: Mapping[str, Any], purposes: Mapping[str, Purpose], category_map: Mapping[str, str]
) -> dict[str, AttachmentSpec]:
    kinds = {name: AttachmentSpec.model_validate(spec) for name, spec in data.items()}
    for name, spec in kinds.items():
        if unknown := sorted(spec.purposes - purposes.keys()):
            raise ValueError(f"attachments.{name}.purposes names unknown purposes: {', '.join(unknown)}")
        category = _category(f"attachments.{name}", spec.category, category_map)
        kinds[name] = spec.model_copy(update={"category": category})
    return kinds


def _category(place: str, word: str, category_map: Mapping[str, str]) -> str:
    try:
        return unified(word, category_map)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
