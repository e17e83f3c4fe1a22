"""Sealing (封存) instead of destruction, and its undoing (解封); clause DES-11. Both are signed by approvers."""

from __future__ import annotations

from typing import Final, Literal

from schemas.members import Approvals, CommandBase, Records, Text

#: The role of those who carry unsealings out, and Vault's of the token that they do it with.
OFFICER: Final = "sealing_officer"
VAULT_ROLE: Final = "unsealer"


class Seal(CommandBase):
    """Seal records: nobody uses them, and no worker can decrypt them, until two approvers have them unsealed."""

    type: Literal["seal"]
    records: Records
    reason: Text
    approvals: Approvals


class Unseal(CommandBase):
    """Unseal records. A worker checks it and queues it; somebody with the role ``sealing_officer`` carries it out."""

    type: Literal["unseal"]
    records: Records
    reason: Text
    approvals: Approvals
