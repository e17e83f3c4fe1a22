"""Working copies that end with their use (clauses USE-11, USE-13, STO-17): a file that opens only while its grant runs.

```
{"dangan": "working-copy-1", "copy": "<uuid>"}  one line, in clear; additional data of the seal
nonce (12) | AES-256-GCM of the values as JSON
```

The key is made for one copy, stands in the archive, and never in the file. It is erased when the grant is over: then
nothing opens the file. Whoever writes down what the screen shows has another copy, of which the system knows nothing.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consumers.use.copies import check_terminal
from ops.audited import Desk
from schemas.errors import DanganError, Refusal
from schemas.principals import Grant
from schemas.rule_tables.use import Use
from store.principals import Grants
from store.working_copies import WorkingCopies, WorkingCopy

_KIND: Final = "working-copy-1"
_NONCE: Final = 12
#: Of one file, bytes.
MAX_BYTES: Final = 4 * 1024 * 1024


async def make(
    desk: Desk, grant: str, values: Mapping[str, Any], *, terminal: str | None, use: Use, now: float
) -> bytes:
    """Seal what the operator has read under a grant that allows copies.

    Args:
        values: what was read.
        terminal: the computer that the file goes to.
        now: UNIX seconds.

    Returns:
        The file's contents.

    Raises:
        DanganError: DG-USE-014 (a shared terminal), 020 (the grant allows no copies), 050 (not the operator's),
            054 (it is over).
    """
    check_terminal(terminal, use)
    held = await _held(desk, grant)
    if not held.copying:
        raise Refusal("DG-USE-020")
    if not is_running(held, now):
        raise Refusal("DG-USE-054")
    copy, key, nonce = str(uuid.uuid4()), secrets.token_bytes(32), secrets.token_bytes(_NONCE)
    await desk.record("use", verb="copy", grant=grant, reader=desk.operator)
    await WorkingCopies(desk.database).add(WorkingCopy(copy, grant, desk.operator, key, int(now * 1000)))
    header = orjson.dumps({"dangan": _KIND, "copy": copy}) + b"\n"
    return header + nonce + AESGCM(key).encrypt(nonce, orjson.dumps(dict(values)), header)


async def opened(desk: Desk, content: bytes, *, now: float) -> dict[str, Any]:
    """What a working copy of the operator's holds, while its grant runs; afterwards its key is erased.

    Raises:
        DanganError: DG-USE-050 (somebody else's), 054 (its use is over), 055 (no working copy, or altered).
    """
    line, _, sealed = content.partition(b"\n")
    copies = WorkingCopies(desk.database)
    copy = await copies.get(_id_of(line))
    if copy is None:
        raise Refusal("DG-USE-054")
    if copy.holder != desk.operator:
        raise Refusal("DG-USE-050")
    if not is_running(await _held(desk, copy.grant), now):
        await copies.forget([copy.grant])
        raise Refusal("DG-USE-054")
    try:
        plain = AESGCM(copy.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], line + b"\n")
    except (InvalidTag, ValueError):
        raise DanganError("DG-USE-055") from None
    values: dict[str, Any] = orjson.loads(plain)
    return values


async def forget_ended(desk: Desk, *, now: float) -> int:
    """Erase the keys of all working copies whose use is over; how many."""
    copies = WorkingCopies(desk.database)
    named = await copies.grants()
    known = await Grants(desk.database).get(named)
    return await copies.forget([name for name in named if name not in known or not is_running(known[name], now)])


def is_running(grant: Grant, now: float) -> bool:
    """Whether a grant is within its period, not recalled and not given back. Pure."""
    ended = grant.recalled_at is not None or grant.returned_at is not None
    return not ended and grant.not_before <= now < grant.not_after


async def _held(desk: Desk, grant: str) -> Grant:
    known = (await Grants(desk.database).get([grant])).get(grant)
    if known is None or known.principal != desk.operator:
        raise Refusal("DG-USE-050", field="grant")
    return known


def _id_of(line: bytes) -> str:
    try:
        header = orjson.loads(line)
        kind, copy = header["dangan"], str(header["copy"])
    except (ValueError, KeyError, TypeError):
        raise DanganError("DG-USE-055") from None
    if kind != _KIND:
        raise DanganError("DG-USE-055")
    return copy
