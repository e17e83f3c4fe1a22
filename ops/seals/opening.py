"""Carries out unsealings that workers checked and queued (解封, clause DES-11).

Workers cannot: none of their tokens decrypts under ``dangan-sealed``. The officer's process checks all again by itself,
the signatures first: whoever can write to the database can write an order, and cannot write those.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from consumers.rules import Rules
from consumers.sealing.rules import check_unseal, signed_for
from keys.seal import Sealer
from ops.audited import Desk, stored_digest
from ops.people.believed import directory as as_believed
from schemas.errors import DanganError
from schemas.sealing import Unseal
from store.ledger import Ledger
from store.pages import Pages
from store.records import Records
from store.seals import SealOrder, Seals


@dataclass(frozen=True, slots=True)
class Opened:
    """What was unsealed, for whom, and who had approved it."""

    records: tuple[str, ...]
    requester: str
    approvers: tuple[str, ...]


async def waiting(seals: Seals, command: str) -> SealOrder:
    """The unsealing under a command's id.

    Raises:
        DanganError: DG-SEL-011 when none waits.
    """
    found = [order for order in await seals.by_command(command) if order.kind == "unseal" and order.state == "pending"]
    if len(found) != 1:
        raise DanganError("DG-SEL-011", detail=command)
    return found[0]


async def open_sealed(desk: Desk, command: str, rules: Rules, *, now: float, dry_run: bool = False) -> Opened:
    """Check a queued unsealing, then carry it out; repeatable until it is done, also after a crash at any step.

    Args:
        desk: of the sealing officer, with the Vault role ``unsealer``.
        command: the unseal command's id.
        rules: for the posts that must have signed.
        now: UNIX seconds.
        dry_run: only check.

    Raises:
        DanganError: DG-SEL-003, 006, 009, 011 to 013.
        Refusal: DG-APR-001 to 007.
    """
    seals = Seals(desk.database)
    order = await waiting(seals, command)
    request = _request(order)
    directory = await as_believed(desk, rules.book.people)
    approvers = tuple(who.id for who in signed_for(request, order.sender, rules, directory, now))
    if desk.operator in (order.sender, *approvers):
        raise DanganError("DG-SEL-012", detail=desk.operator)
    sealed, gone = await seals.sealed(order.records), await Ledger(desk.database).get(order.records)
    begun = await _begun(desk, order.records, sealed)
    check_unseal(request, {**sealed, **begun}, gone=gone)
    opened = Opened(order.records, order.sender, approvers)
    if dry_run:
        return opened
    digest = stored_digest(order.members)
    async with desk.attempt("unseal", record=command) as said:
        records = Records(desk.database)
        await Sealer(desk.transit, Pages(desk.database), records, seals).open(order.records)
        said["approvers"], said["digest"] = approvers, digest
    for record in order.records:
        await desk.record("unseal", record=record, approvers=approvers, digest=digest)
    await seals.done(order)
    return opened


async def _begun(desk: Desk, records: Collection[str], sealed: Mapping[str, bool]) -> dict[str, bool]:
    """Those records that an interrupted run of this order has unsealed, or nearly: their keys say so."""
    found = await Records(desk.database).keys_of(records)
    once = {name for name, keys in found.items() if keys and all(ref.sealed and not ref.shut for ref in keys.values())}
    return {name: True for name in once if name not in sealed or not sealed[name]}


def _request(order: SealOrder) -> Unseal:
    """The command that was signed.

    Raises:
        DanganError: DG-SEL-013 when the order says something else than its command.
    """
    try:
        request = Unseal.model_validate(order.members, strict=False)
    except ValidationError:
        raise DanganError("DG-SEL-013", detail=order.command) from None
    if (request.id, request.records) != (order.command, order.records):
        raise DanganError("DG-SEL-013", detail=order.command)
    return request
