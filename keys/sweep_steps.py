"""The steps of a sweep. Each finds out what is done already, does the rest, and records itself with the epoch.

Every line is there because leaving it out lost data or gave a false certificate in a test: the set is frozen
*before* the rotation, the pages are rewrapped until a scan finds none, unconfirmed pages are looked at again
after the rehearsal, the copies are read back before the trim. Architecture section 5, clause DES-04.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from keys.ledger import State, freezable
from keys.ports import Rewrap, WrappedKey
from keys.sweep_copies import missing_from, place_without, remove_older, write_copies
from keys.sweep_state import Step, Sweep
from keys.sweep_tools import Tools
from keys.vault import MAX_BATCH, KeyRefused, Transit
from keys.wrapped import WrappedKeys
from schemas.certificate import CLOCK_SKEW, Copy, RootEvidence
from schemas.errors import DanganError

_MAX_PASSES: Final = 100
_LEDGER_BATCH: Final = 5000
#: How Vault and OpenBao say that they cannot accept a version again: they do not have it any more.
_NOT_BACK: Final = "min available version"


async def freeze(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Settle which entries this sweep may count, and the version they are under at most."""
    if not tools.places:
        raise DanganError("DG-SWP-008")
    destroyed = await keys.destroy_drained()
    tag, after, now = tools.new_id(), "", tools.clock()
    while entries := await tools.ledger.standing(State.FORGOTTEN, after=after, limit=_LEDGER_BATCH):
        # What was forgotten after now is of another clock: evidence with this one's times would contradict it for ever.
        found = [
            entry.record
            for entry in entries
            if freezable(entry, keys.root, destroyed) and (entry.forgotten_at or 0) <= now + CLOCK_SKEW
        ]
        if found:
            await tools.ledger.freeze(found, tag)
        after = entries[-1].record
    info = await tools.transit.key_info(keys.root)
    floor = max(info.min_decryption_version, 1)
    return await tools.record(sweep, step=Step.FROZEN, tag=tag, base=info.latest_version, floor=floor, frozen_at=now)


async def rotate(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Add a root version, unless an interrupted run did; nothing new is wrapped under an older one."""
    latest = await tools.transit.latest_version(keys.root)
    if latest <= sweep.base:
        await tools.transit.rotate(keys.root)
        latest = await tools.transit.latest_version(keys.root)
    await tools.transit.configure(keys.root, min_encryption_version=latest)
    return await tools.record(sweep, step=Step.ROTATED, target=latest)


async def rewrap(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Move every wrapped key to the target, pass after pass, until one finds none that Vault accepts."""
    total = await keys.count_below(sweep.target)
    done = 0
    for _ in range(_MAX_PASSES):
        after, accepted = "", 0
        while batch := await keys.below(sweep.target, after=after, limit=MAX_BATCH):
            changes = await _moved(tools.transit, keys.root, batch)
            done += await keys.rewrap(changes)
            accepted += len(changes)
            after = batch[-1].id
            sweep = await tools.record(sweep)
            tools.on_progress(f"{keys.root}: rewrap", min(done, total), total)
        if not accepted:
            return await tools.record(sweep, step=Step.REWRAPPED)
    raise DanganError("DG-SWP-007", detail=keys.root)


async def _moved(transit: Transit, root: str, batch: Sequence[WrappedKey]) -> list[Rewrap]:
    results = await transit.rewrap(root, [each.wrapped_key for each in batch])
    return [
        Rewrap(old.id, old.version, new.ciphertext, new.version)
        for old, new in zip(batch, results, strict=True)
        if not isinstance(new, KeyRefused)  # dealt with in _settle_left: deleted if nothing relies on it
    ]


async def save_vault(tools: Tools, _keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Make the target version survive a loss of Vault, where there is a way to."""
    name = await tools.vault_snapshot() if tools.vault_snapshot else None
    return await tools.record(sweep, step=Step.SAVED, vault_copy=name)


async def fence(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Rehearse the trim: from here Vault behaves as after it, and a person can still take it back."""
    if await _overtaken(tools, keys, sweep):
        return await tools.record(sweep, step=Step.FROZEN)
    # Both, since a sweeper that was fenced off may have set the encryption minimum of its own, older target.
    await tools.transit.configure(keys.root, min_decryption_version=sweep.target, min_encryption_version=sweep.target)
    return await tools.record(sweep, step=Step.FENCED)


async def copy(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Copy every wrapped key to every place, read the copies back, and hold them against what must be there."""
    if await _overtaken(tools, keys, sweep):
        return await tools.record(sweep, step=Step.FROZEN)
    await _settle_left(tools, keys, sweep)
    needed = await keys.needed()
    copies = await write_copies(tools, keys, sweep)
    missing = await missing_from(tools, keys, copies, needed)
    if missing:
        # Forgotten or moved since the listing: only who still relies on it, and is not being destroyed, counts.
        claimants = await keys.claimants(missing)
        lost = claimants - set(await tools.ledger.get(claimants))
        if lost:
            raise DanganError("DG-SWP-005", detail=f"{len(lost)}; {', '.join(sorted(missing)[:3])}")
    return await tools.record(sweep, step=Step.COPIED, copies=copies)


async def trim(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Look at everything once more, then destroy the old versions. The only irreversible step."""
    if await _overtaken(tools, keys, sweep):
        return await tools.record(sweep, step=Step.FROZEN)
    await _settle_left(tools, keys, sweep)
    behind = sweep.frozen_at - tools.clock()
    if behind > 0:
        raise DanganError("DG-DES-061", detail=f"{keys.root}, {behind} s")
    info = await tools.transit.key_info(keys.root)
    if min(info.min_decryption_version, info.min_encryption_version) < sweep.target:
        await tools.record(sweep, step=Step.SAVED)
        raise DanganError("DG-SWP-009", detail=keys.root)
    lacking = place_without(tools.places, sweep.copies)
    if lacking is not None:
        await tools.record(sweep, step=Step.FENCED)
        raise DanganError("DG-SWP-004", field=lacking or None, detail="a copy has changed since it was checked")
    sweep = await tools.record(sweep)  # the epoch, right before the point of no return
    await tools.transit.trim(keys.root, sweep.target)
    return await tools.record(sweep, step=Step.TRIMMED, trimmed_at=tools.clock())


async def _overtaken(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> bool:
    """Whether the root was rotated since this sweep settled its target.

    So it is where a restore brought back an interrupted sweep from before later ones: Vault would refuse its old target
    for ever. It goes on from its frozen set, which was under the older version ``base`` anyway, to a newer target.
    """
    return await tools.transit.latest_version(keys.root) > sweep.target


async def _settle_left(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> None:
    """Delete what is still below the target: inserts that no writer confirmed, so that nothing relies on them.

    Raises:
        DanganError: DG-SWP-003 when something does, DG-DES-060 when Vault has its version and only refuses it. The
            rehearsal is taken back first.
    """
    after, left = "", list[str]()
    while batch := await keys.below(sweep.target, after=after, limit=MAX_BATCH):
        left += [each.id for each in batch]
        after = batch[-1].id
    if not left:
        return
    used = await keys.in_use(left)
    if used:
        available = max((await tools.transit.key_info(keys.root)).min_available_version, 1)
        await tools.transit.configure(keys.root, min_decryption_version=sweep.floor)
        await tools.record(sweep, step=Step.ROTATED)
        if available < sweep.floor:  # an earlier rehearsal, of which a restored database knows nothing
            raise DanganError("DG-DES-060", detail=f"{keys.root}, {available}")
        raise DanganError("DG-SWP-003", detail=f"{keys.root}: {', '.join(sorted(used)[:3])}")
    await keys.delete(left, root_version_below=sweep.target)


async def prove(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> Sweep:
    """Read back what Vault still has, have it refuse to go back, and count the frozen set as swept."""
    info = await tools.transit.key_info(keys.root)
    refusal = await _refusal_to_lower(tools.transit, keys.root, sweep.target - 1)
    if info.min_available_version < sweep.target or refusal is None:
        raise DanganError("DG-SWP-006", detail=keys.root)
    evidence = RootEvidence(
        root=keys.root,
        sweep=sweep.id,
        before=sweep.base,
        after=sweep.target,
        min_available=info.min_available_version,
        lowering_refused=refusal[:500],
        trimmed_at=sweep.trimmed_at,
        copies=tuple(Copy(place=c.place, file=c.file, sha256=c.sha256, keys=c.keys) for c in sweep.copies),
        vault_copy=sweep.vault_copy,
    )
    await tools.states.keep(evidence)
    await tools.ledger.sweep_done(keys.root, sweep.tag, sweep.id)
    remove_older(tools.places, sweep)
    return await tools.record(sweep, step=Step.DONE)


async def _refusal_to_lower(transit: Transit, root: str, version: int) -> str | None:
    """Vault's answer to accepting ``version`` again; None when it did."""
    try:
        await transit.configure(root, min_decryption_version=version)
    except DanganError as error:
        if error.code != "DG-KEY-002" or _NOT_BACK not in (error.detail or ""):
            raise  # a refusal to talk, to a revoked token for instance, is no evidence
        return error.detail or error.code
    return None
