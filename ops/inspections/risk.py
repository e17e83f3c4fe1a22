"""What a risk assessment starts from (信息安全风险评估, clause AUD-12): counts, nothing judged.

The assessment itself is people's work; its result is registered with ``dangan inspect review risk-assessment``.
"""

from __future__ import annotations

from collections import Counter

from schemas.catalogue import Catalogue
from schemas.registers import Said
from store.database import Database
from store.principals import Principals


async def exposure(database: Database, catalogue: Catalogue) -> dict[str, Said]:
    """How many fields are sensitive or core, and how many people and systems are registered and active."""
    levels = Counter(spec.level.value for spec in catalogue.fields.values())
    active = [one for one in await Principals(database).all() if one.active]
    return {"sensitive_fields": levels["core"] + levels["sensitive"], "users": len(active)}
