"""Files with documents about people (schemas/staff.py): read, written, and shown to who signs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Column, Table

from ops.printable import plain
from ops.private_files import write_private
from schemas.approvals import digest_of
from schemas.errors import DanganError
from schemas.staff import PermissionChange, StaffDocument, StaffHandOver

_ADAPTER: Final[TypeAdapter[StaffDocument]] = TypeAdapter(Annotated[StaffDocument, Field(discriminator="type")])
_TYPES: Final = frozenset({"permission_change", "staff_hand_over"})
_MAX_BYTES: Final = 32 * 1024 * 1024
_LISTS: Final = ("records", "grants", "keys", "media", "destroy")


def is_document(loaded: object) -> bool:
    """Whether parsed JSON says that it is a document about people."""
    return isinstance(loaded, dict) and loaded.get("type") in _TYPES


def document_of(loaded: object) -> StaffDocument:
    """The document that parsed JSON is.

    Raises:
        DanganError: DG-SEC-018 naming the member that is wrong.
    """
    try:
        return _ADAPTER.validate_python(loaded)
    except ValidationError as error:
        raise DanganError("DG-SEC-018", field=".".join(str(step) for step in error.errors()[0]["loc"])) from None


def read_change(path: Path) -> PermissionChange:
    """The application in a file.

    Raises:
        DanganError: DG-SEC-018.
    """
    document = document_of(_json(path))
    if not isinstance(document, PermissionChange):
        raise DanganError("DG-SEC-018", field=str(path))
    return document


def read_hand_over(path: Path) -> StaffHandOver:
    """The hand-over list in a file.

    Raises:
        DanganError: DG-SEC-018.
    """
    document = document_of(_json(path))
    if not isinstance(document, StaffHandOver):
        raise DanganError("DG-SEC-018", field=str(path))
    return document


def read_tokens(paths: list[Path] | None) -> tuple[str, ...]:
    """The signatures in files: what ``dangan approve`` printed, one a line.

    Raises:
        DanganError: DG-SEC-018 when a file cannot be read.
    """
    tokens: list[str] = []
    for path in paths or ():
        try:
            tokens += path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DanganError("DG-SEC-018", field=str(path), detail=type(error).__name__) from None
    return tuple(tokens[:8])


def write_document(document: StaffDocument, out: Path) -> None:
    """Write a document for its signers; a file that is there stays.

    Raises:
        DanganError: DG-SEC-018 when the file exists.
    """
    if out.exists():
        raise DanganError("DG-SEC-018", field=str(out), detail="the file exists already")
    write_private(out, document.model_dump_json(indent=1) + "\n")


def show_document(console: Console, document: StaffDocument, requester: str) -> None:
    """Show all that a signature covers: every member, who carries it out, the digest; as text, never as markup."""
    members = document.model_dump(mode="json", exclude={"type", "id"})
    if isinstance(document, StaffHandOver):
        table = Table("what", Column("reference", overflow="fold"), title="Hand-over")
        for name in _LISTS:
            for item in members.pop(name):
                table.add_row(name, plain(item))
        console.print(table)
    said = {"to be signed": document.type, **members, "carried out by": requester, "document": document.id}
    for name, value in {**said, "digest": digest_of(document, requester)}.items():
        console.print(plain(f"{name}: {value}"), soft_wrap=True)


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DanganError("DG-SEC-018", field=str(path), detail="too large")
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DanganError("DG-SEC-018", field=str(path), detail=type(error).__name__) from None
