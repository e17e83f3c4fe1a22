"""What everybody may do with his own key: revoke it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.config import load_settings
from ops.operators import prove
from ops.people import rotation
from ops.people.believed import believed


def revoke_own(home: Path | None, keys: PrincipalKeys) -> int:
    """Revoke both keys of a key file in its owner's name.

    Args:
        home: the installation.
        keys: the owner's; that he can sign with them is proof enough.

    Returns:
        How many were revoked; 0 when they were before.

    Raises:
        DanganError: DG-OPS-060 when they are not registered, expired or revoked; DG-SEC-013 when the
            registration does not carry the archive's signature: an administrator then locks it.
    """
    kids = {keys.signing.kid, keys.receiving.kid}

    async def run() -> int:
        async with desk(load_settings(home)) as at:
            known, _ = await believed(at, keys.principal)
            now = int(time.time())
            # not by what the organisation demands: who lacks an agreement may end his key all the same
            operator = prove(known, keys.signing, now=now, roles=known.roles if known else ())
            return await rotation.revoke(
                replace(at, operator=operator), keys.principal, lambda key: key.kid in kids, now=now
            )

    return asyncio.run(run())
