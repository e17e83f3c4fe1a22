"""Acts on the archive's own stores that anybody registered does in the own name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ops.audited import Desk, desk
from ops.commands.keys import read_key_file
from ops.config import load_settings
from ops.operators import operator_of

T = TypeVar("T")


def in_own_name(home: Path | None, key: Path, passphrase_file: Path | None, act: Callable[[Desk], Awaitable[T]]) -> T:
    """Run an act in the name of a registered principal, whatever the roles.

    Raises:
        DanganError: as ops.operators.operator_of.
    """
    keys, settings = read_key_file(key, passphrase_file), load_settings(home)

    async def run() -> T:
        async with desk(settings) as at:
            operator = await operator_of(at, keys, now=time.time(), roles=None)
            return await act(replace(at, operator=operator))

    return asyncio.run(run())
