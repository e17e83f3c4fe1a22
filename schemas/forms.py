"""Registered forms (统一收集表格) and kinds of item: the standards that a collection is held against.

Each file of ``policies/forms`` is one form in numbered versions; ``items.toml`` lists the kinds of item with their
category and smallest content. A later version may add fields, never take one away, so that what was collected on an
earlier one stays as it is (clauses COL-08, COL-15, ARR-09). Both are checked against the catalogue at start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.catalogue import Catalogue
from schemas.intake import Name
from schemas.members import FieldName
from schemas.taxonomy import unified

_STRICT = ConfigDict(extra="forbid", frozen=True)
Names = Annotated[tuple[FieldName, ...], Field(min_length=1)]


class ItemKind(BaseModel):
    """A kind of item (业务凭证, 交易记录, 电话录音 and others).

    Attributes:
        category: of the unified model, or another text's word for one.
        required: groups of fields; an item has at least one field of each group (clause COL-15).
        recording: a telephone recording, which must be desensitised (clause COL-14).
        matter: belongs into the file of a business matter (一事一档, clause COL-16).
    """

    model_config = _STRICT

    title: str
    category: str
    required: tuple[Names, ...] = ()
    recording: bool = False
    matter: bool = False


class _Version(BaseModel):
    model_config = _STRICT

    fields: Names
    mandatory: tuple[FieldName, ...] = ()


class _Form(BaseModel):
    model_config = _STRICT

    title: str
    item: Name
    purposes: Annotated[tuple[Name, ...], Field(min_length=1)]
    versions: Annotated[Mapping[Annotated[int, Field(ge=1, le=9999)], _Version], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Form:
    """One version of a registered form."""

    item: str
    purposes: frozenset[str]
    fields: frozenset[str]
    mandatory: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forms:
    """What is registered: forms by name and version (``retail@2``), kinds of item by name."""

    forms: Mapping[str, Form] = field(default_factory=dict)
    items: Mapping[str, ItemKind] = field(default_factory=dict)

    @classmethod
    def from_mappings(
        cls,
        forms: Mapping[str, Mapping[str, Any]],
        items: Mapping[str, Any],
        catalogue: Catalogue,
        category_map: Mapping[str, str],
    ) -> Forms:
        """Read parsed form files by the names of their forms, and ``items.toml``.

        Raises:
            ValueError: naming the form or kind of item that is wrong, and why.
        """
        kinds = {name: _kind(name, spec, catalogue, category_map) for name, spec in items.items()}
        registered: dict[str, Form] = {}
        standards: dict[tuple[str, str], str] = {}
        for name, data in forms.items():
            form = _Form.model_validate(data)
            if form.item not in kinds:
                raise ValueError(f"form {name}: no kind of item is called {form.item}")
            for purpose in form.purposes:
                other = standards.setdefault((form.item, purpose), name)
                if other != name:  # one standard for what is collected for one purpose (ARR-09)
                    raise ValueError(f"forms {other} and {name} are both for {form.item} and {purpose}")
            registered |= _versions(name, form, catalogue)
        return cls(registered, kinds)


def _kind(name: str, spec: Any, catalogue: Catalogue, category_map: Mapping[str, str]) -> ItemKind:
    kind = ItemKind.model_validate(spec)
    if unknown := sorted({each for group in kind.required for each in group} - catalogue.fields.keys()):
        raise ValueError(f"item {name} requires unknown fields: {', '.join(unknown)}")
    try:
        return kind.model_copy(update={"category": unified(kind.category, category_map)})
    except ValueError as error:
        raise ValueError(f"item {name}: {error}") from None


def _versions(name: str, form: _Form, catalogue: Catalogue) -> dict[str, Form]:
    made: dict[str, Form] = {}
    numbers = sorted(form.versions)
    for number in numbers:
        version = form.versions[number]
        place = f"form {name}@{number}"
        if untiered := sorted(set(version.fields) - catalogue.fields.keys()):
            # Tier and category stand in the catalogue, and nowhere else (ARR-03).
            raise ValueError(f"{place} has fields without tier and category: {', '.join(untiered)}")
        if strange := sorted(set(version.mandatory) - set(version.fields)):
            raise ValueError(f"{place}: mandatory fields that it does not have: {', '.join(strange)}")
        for purpose in form.purposes:
            if purpose not in catalogue.purposes:
                raise ValueError(f"{place}: unknown purpose {purpose}")
            if excess := sorted(set(version.fields) - catalogue.needed[purpose].keys()):
                raise ValueError(f"{place} asks for what {purpose} does not need: {', '.join(excess)}")
        made[f"{name}@{number}"] = Form(
            form.item, frozenset(form.purposes), frozenset(version.fields), version.mandatory
        )
    for earlier, later in pairwise(numbers):
        if lost := sorted(set(form.versions[earlier].fields) - set(form.versions[later].fields)):
            raise ValueError(f"form {name}@{later} takes away {', '.join(lost)}: a version only adds fields")
    return made
