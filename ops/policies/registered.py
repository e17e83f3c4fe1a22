"""Principals and records of an installation as policies see them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from consumers.about import about
from ops.policies.cases import Who
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.values import looks_personal
from store.database import connect
from store.principals import Principals
from store.records import Records


async def as_registered(settings: Settings, principal: str) -> Who:
    """A registered principal.

    Raises:
        DanganError: DG-POL-012 when nobody is registered so.
    """
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        found = await Principals(database).get(principal)
    if found is None:
        raise DanganError("DG-POL-012", field="--as" if looks_personal(principal) else principal)
    scope: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, value in sorted(found.scope):
        scope[name] += (value,)
    return Who(
        id=found.id,
        kind=found.kind,
        roles=found.roles,
        department=found.department,
        clearance=found.clearance,
        active=found.active,
        scope=dict(scope),
    )


async def record_attributes(settings: Settings, record: str) -> dict[str, Any]:
    """What policies may look at in a live record; its values stay closed.

    Raises:
        DanganError: DG-POL-012 when there is none.
    """
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        found = (await Records(database).get([record])).get(record)
    if found is None:
        raise DanganError("DG-POL-012", field="--record" if looks_personal(record) else record)
    return {name: value for name, value in about(found)._asdict().items() if name != "known"}
