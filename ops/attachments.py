"""Sending and fetching attachments part by part, as ``dangan attachment`` does.

A part is a command. Command ids derive from the content under the sender's key, so putting a file again after a
break sends the same commands: what was stored is answered as a duplicate.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.publish.ids import RowIds
from schemas.answered import refusal_of
from schemas.errors import DanganError
from schemas.members import MAX_PARTS, PART_BYTES
from schemas.replies import Result
from streams.publisher import Publisher

MAX_BYTES: Final = MAX_PARTS * PART_BYTES
#: Parts on their way at once: bounds memory here and in the worker.
_WINDOW: Final = 4
#: Told (parts done, parts in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scan:
    """A file that is to be attached; ``approval`` is that of a core-sensitive kind."""

    record: str
    name: str
    kind: str
    content: bytes
    approval: str | None = None

    def commands(self) -> Iterator[dict[str, Any]]:
        """The members of each part's command, in order."""
        digest = hashlib.sha256(self.content).hexdigest()
        approval = {"approval": self.approval} if self.approval else {}  # without one, the ids stay what they were
        pieces = [self.content[at : at + PART_BYTES] for at in range(0, len(self.content), PART_BYTES)]
        for number, piece in enumerate(pieces, start=1):
            yield {
                "record": self.record,
                "attachment": self.name,
                "kind": self.kind,
                "part": number,
                "parts": len(pieces),
                "sha256": digest,
                "data": base64.b64encode(piece).decode(),
                **approval,
            }


def read_scan(path: Path, record: str, name: str, kind: str, approval: str | None = None) -> Scan:
    """Read a file of 1 byte to 16 MiB.

    Raises:
        DanganError: DG-ATT-012.
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise DanganError("DG-ATT-012", field=path.name, detail=f"{size} bytes")
        return Scan(record, name, kind, path.read_bytes(), approval)
    except OSError as error:
        raise DanganError("DG-ATT-012", field=path.name, detail=error.strerror) from None


async def put(archive: Publisher, scan: Scan, ids: RowIds, on_part: Progress) -> int:
    """Send every part, the first one alone; return how many were new.

    Raises:
        DanganError: the archive's refusal of a part, or why there was no answer.
    """
    commands = list(scan.commands())
    room = asyncio.Semaphore(_WINDOW)
    done, new = 0, 0

    async def one(parts: dict[str, Any]) -> None:
        nonlocal done, new
        async with room:
            result = _accepted(await (await archive.publish("attach", parts, ids.command({"attach": parts}))))
        new += result.status == "accepted"
        done += 1
        on_part(done, len(commands))

    await one(commands[0])
    answers = await asyncio.gather(*map(one, commands[1:]), return_exceptions=True)
    for answer in answers:
        if answer is not None:
            raise answer
    return new


async def get(
    archive: Publisher, *, record: str, name: str, grant: str, purpose: str, on_part: Progress
) -> tuple[str, bytes]:
    """Fetch every part; return kind and content, which has the digest that the sender gave.

    Raises:
        DanganError: the archive's refusal; DG-ATT-013 when the parts are not that content.
    """
    content, kind, digest = bytearray(), "", ""
    number, parts = 1, 1
    while number <= parts:
        asked = {"record": record, "grant": grant, "purpose": purpose, "attachment": name, "part": number}
        values = _accepted(await (await archive.publish("access", asked))).values or {}
        try:
            content += base64.b64decode(str(values["data"]), validate=True)
            kind, digest, parts = str(values["kind"]), str(values["sha256"]), int(str(values["parts"]))
        except (KeyError, ValueError, binascii.Error) as error:
            raise DanganError("DG-ATT-013", detail=type(error).__name__) from None
        if parts > MAX_PARTS:
            raise DanganError("DG-ATT-013", detail="too many parts")
        on_part(number, parts)
        number += 1
    if hashlib.sha256(content).hexdigest() != digest:
        raise DanganError("DG-ATT-013")
    return kind, bytes(content)


def write_scan(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read; never over another one.

    Raises:
        DanganError: DG-ATT-014.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DanganError("DG-ATT-014", field=str(path), detail=error.strerror) from None


def _accepted(result: Result) -> Result:
    """The result, if it is no refusal."""
    if result.status != "refused":
        return result
    raise refusal_of(result)
