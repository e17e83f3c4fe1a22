"""General information beside sensitive information counts as sensitive (同一介质, 视同敏感; clause ARR-04).

What stands together in one record, one answer or one export is one medium. Of a person, every field in it is handled
as the most sensitive one is: who may see it, and what of it is shown unmasked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from schemas.catalogue import FieldSpec
from schemas.levels import Level, highest
from schemas.rulebook import Sensitivity
from schemas.values import Scalar, masked

#: What is shown of a field that has no mask of its own, as of any that shows nothing.
_HIDDEN = "****"


def combined_level(levels: Collection[Level]) -> Level:
    """The level of a record, an answer or an export as a whole: the highest in it, ``basic`` for an empty one."""
    return highest(levels)


def handled_as(own: Level, together: Collection[Level], *, person: bool, rules: Sensitivity) -> Level:
    """The level as which one field is handled.

    Args:
        own: the field's own level.
        together: the levels of all that stands in the same medium, its own among them.
        person: whether it is about a natural person; the clause speaks of nobody else.
        rules: ``combine`` says whether the organisation follows the clause.
    """
    return combined_level({own, *together}) if person and rules.combine else own


def shown(spec: FieldSpec, value: Scalar, level: Level) -> Scalar:
    """What a reader without the right to the clear value sees of a field that is handled as of that level.

    A general field without a mask is shown whole by itself; beside sensitive ones it is hidden.
    """
    if level is not spec.level and spec.mask == "none":
        return _HIDDEN
    return masked(spec, value)


def about_person(intake: Mapping[str, Any] | None) -> bool:
    """Whether a record is about a natural person; one that does not say counts as such."""
    customer = (intake or {}).get("customer") or {}
    return bool(customer.get("type") != "organisation")
