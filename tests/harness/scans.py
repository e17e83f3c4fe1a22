"""Scans for tests: something that begins as a PDF does, put and fetched by the office's CRM system."""

from __future__ import annotations

import uuid
from typing import Any

from ops import attachments
from ops.attachments import Scan
from ops.publish.ids import RowIds
from streams.publisher import Publisher
from tests.harness.office import PURPOSE, Office, grant_id

#: Fills every scan; what is searched for.
CANARY = "XQJSCANNEDKZ"
KIND = "identity_paper"
NAME = "scan-1"


def pdf(size: int, canary: str = CANARY) -> bytes:
    """So many bytes that begin as a PDF does and are full of a text that is searched for."""
    line = f"%{canary}\n".encode()
    return (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + line * (size // len(line) + 1))[:size]


async def collected(archive: Publisher) -> str:
    """A new record, without anything of level core."""
    record = f"att-{uuid.uuid4()}"
    parts = {"subject": f"of-{record}", "purpose": PURPOSE, "legal_basis": "contract"}
    receipt = await archive.collect(record=record, fields={"city": "Nowhere"}, **parts)
    assert (await receipt).status == "accepted"
    return record


async def put(archive: Publisher, office: Office, record: str, content: bytes) -> int:
    """Attach a scan; how many parts were new."""
    scan = Scan(record, NAME, KIND, content)
    return await attachments.put(archive, scan, RowIds(office.crm.signing), lambda *_: None)


async def get(archive: Publisher, office: Office, record: str, **changes: str) -> tuple[str, bytes]:
    """Fetch a scan: kind and content."""
    asked = {"name": NAME, "grant": grant_id(office.crm.principal), "purpose": PURPOSE, **changes}
    return await attachments.get(archive, record=record, on_part=lambda *_: None, **asked)


def parts_of(record: str, content: bytes) -> list[dict[str, Any]]:
    """The members of each part's command."""
    return list(Scan(record, NAME, KIND, content).commands())


async def told(archive: Publisher, parts: dict[str, Any], command_id: str | None = None) -> tuple[str, str | None]:
    """What the archive answers to one part."""
    result = await (await archive.publish("attach", parts, command_id))
    return result.status, result.code
