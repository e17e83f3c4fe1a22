"""Whether a customer's archive was consulted before a contract is signed (签订合作关系; clause USE-16).

What was read stands in the audit stream, so the list asks it: reading costs nothing more for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ops.audited import Desk
from ops.detect.seen import Seen
from ops.registry import refuse_personal
from schemas.errors import DanganError
from store.contracts import Contract, Contracts


async def record(desk: Desk, contract: str, party: str) -> Contract:
    """Record that the operator is about to sign a contract. Again: nothing changes.

    Args:
        contract: its file reference.
        party: the data subject's reference.

    Raises:
        DanganError: DG-OPS-036; DG-USE-024 when it is recorded with another party or by somebody else.
    """
    refuse_personal(contract=contract, party=party)
    await desk.record("use", verb="contract", record=contract, reader=desk.operator)
    kept = await Contracts(desk.database).add(Contract(contract, party, desk.operator, int(time.time() * 1000)))
    if (kept.party, kept.responsible) != (party, desk.operator):
        raise DanganError("DG-USE-024", field=contract)
    return kept


async def recorded(desk: Desk) -> list[Contract]:
    """Every recorded contract, oldest first."""
    return [each async for each in Contracts(desk.database).all()]


def not_consulted(contracts: Sequence[Contract], events: Iterable[Seen]) -> list[Contract]:
    """The contracts whose party's archive the responsible person had not read before. Pure.

    Args:
        contracts: those to look at.
        events: audit events, in any order.
    """
    wanted = {(contract.responsible, contract.party) for contract in contracts}
    first: dict[tuple[str, str], int] = {}
    for event in events:
        who = (event.actor, event.subject)
        if who in wanted and event.action == "access" and event.allowed:
            first[who] = min(first.get(who, event.at_ms), event.at_ms)
    return [one for one in contracts if first.get((one.responsible, one.party), one.at_ms) >= one.at_ms]


def concerns(parties: frozenset[str], event: Seen) -> bool:
    """Whether an event is a read that may count."""
    return event.action == "access" and event.allowed and event.subject in parties
