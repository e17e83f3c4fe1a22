"""The sweep: move everything that lives to a new root version, then have Vault destroy the old ones.

Afterwards no copy of the database, its journal or Kafka's log from before can be read for what was forgotten:
the wrapped keys in it are under versions that Vault no longer has. What lives is rewrapped, and copied to every
backup place, *before* the one irreversible step. The steps are in :mod:`keys.sweep_steps`; this module runs
them in order for one or many roots, under a lease, and resumes where an earlier run stopped.

    finish interrupted forgets; then for each root: freeze -> rotate -> rewrap -> save -> fence;
    list the live records once; then for each root: copy -> trim -> prove
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from keys.sweep_state import Step, Sweep, takeover
from keys.sweep_steps import copy, fence, freeze, prove, rewrap, rotate, save_vault, trim
from keys.sweep_tools import Tools
from keys.wrapped import WrappedKeys

_NEXT: Final[dict[Step, Callable[[Tools, WrappedKeys, Sweep], Awaitable[Sweep]]]] = {
    Step.TAKEN: freeze,
    Step.FROZEN: rotate,
    Step.ROTATED: rewrap,
    Step.REWRAPPED: save_vault,
    Step.SAVED: fence,
    Step.FENCED: copy,
    Step.COPIED: trim,
    Step.TRIMMED: prove,
}


async def run_sweep(tools: Tools, roots: Sequence[WrappedKeys], *, owner: str, force: bool = False) -> list[Sweep]:
    """Sweep the roots, or finish their interrupted sweeps.

    Args:
        tools: what the steps work with.
        roots: what each root wraps; a later one's lease may be refused after an earlier one has begun.
        owner: names this sweeper in the lease: host and process, for instance.
        force: take unexpired leases from another sweeper, which is fenced off by that.

    Returns:
        The finished sweeps, in the order of ``roots``.

    Raises:
        DanganError: DG-SWP-001 to -009, DG-DES-060 and 061; nothing that lives is lost then, and another run resumes.
        Transient: DG-KEY-001 and DG-STO-001, the same.
    """
    await tools.forgetter.finish_pending(at=tools.clock())
    sweeps = [await take(tools, keys.root, owner=owner, force=force) for keys in roots]
    for at, keys in enumerate(roots):
        sweeps[at] = await advance(tools, keys, sweeps[at], until=Step.FENCED)
    for at, keys in enumerate(roots):
        sweeps[at] = await advance(tools, keys, sweeps[at], until=Step.DONE)
    return sweeps


async def take(tools: Tools, root: str, *, owner: str, force: bool = False) -> Sweep:
    """Take the root's lease. Raises DG-SWP-001 when another sweeper holds it or is quicker."""
    current = await tools.states.get(root)
    mine = takeover(
        current,
        root=root,
        owner=owner,
        new_id=tools.new_id(),
        now=tools.clock(),
        lease=tools.lease,
        force=force,
    )
    if current is None:
        took = await tools.states.insert(mine)
    else:
        took = await tools.states.swap(mine, if_epoch=current.epoch)
    return mine if took else await take(tools, root, owner=owner)


async def advance(tools: Tools, keys: WrappedKeys, sweep: Sweep, *, until: Step) -> Sweep:
    """Run the steps that are left up to and with the one named."""
    order = list(Step)
    while order.index(sweep.step) < order.index(until):
        sweep = await _NEXT[sweep.step](tools, keys, sweep)
        tools.on_progress(f"{keys.root}: {sweep.step}", order.index(sweep.step), len(order) - 1)
    return sweep
