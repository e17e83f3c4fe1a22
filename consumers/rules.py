"""What the organisation set, as the consumers use it: the field catalogue and the policies."""

from __future__ import annotations

from dataclasses import dataclass

from consumers.authorize import Authorizer
from schemas.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Rules:
    """The field catalogue and the prepared policies."""

    catalogue: Catalogue
    authorizer: Authorizer
