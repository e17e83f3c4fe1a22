"""What the organisation set, as the consumers use it: the field catalogue, the policies and the rule book."""

from __future__ import annotations

from dataclasses import dataclass

from consumers.authorize import Authorizer
from schemas.catalogue import Catalogue
from schemas.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class Rules:
    """The field catalogue, the prepared policies and the rule book."""

    catalogue: Catalogue
    authorizer: Authorizer
    book: RuleBook
