"""What a recipient does with a package: open it, sign that it has it, sign that nothing of it is left (SHR-10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from keys.principal_keys import PrincipalKeys
from keys.signer import signed_text
from ops.private_files import write_private
from schemas.errors import DanganError, Refusal
from schemas.sharing import TYP_STATEMENT, Statement
from schemas.trust import Trust
from streams.packages import open_package

#: A recipient's file of a package is no longer than a message.
_MAX_BYTES: Final = 2 * 1024 * 1024


def read_package(file: Path) -> bytes:
    """A package's bytes, without the line break that an editor adds.

    Raises:
        DanganError: DG-OPS-033 when the file cannot be read; DG-SHR-070 when it is too large.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise Refusal("DG-SHR-070", field=str(file))
        return file.read_bytes().strip()
    except OSError as error:
        raise DanganError("DG-OPS-033", field=str(file), detail=type(error).__name__) from None


def contents(value: bytes, keys: PrincipalKeys, trust: Trust) -> Mapping[str, Any]:
    """What is in a package.

    Raises:
        Refusal: DG-SHR-070.
    """
    opened = open_package(value, key=keys.receiving, trust=trust)
    content: Mapping[str, Any] = orjson.loads(opened.content)
    if content["recipient"] != keys.principal or content["package"] != opened.package:
        raise Refusal("DG-SHR-070")
    return content


def receipt(keys: PrincipalKeys, *, share: str, package: bytes, says: Literal["received", "deleted"], at: int) -> str:
    """The recipient's statement about a package: a compact JWS.

    Args:
        keys: the recipient's.
        share: the share's id, as the package says it.
        package: as it came.
        says: that it is here, or that nothing of it is left.
        at: UNIX seconds.
    """
    said = Statement(
        says=says, share=share, package=hashlib.sha256(package).hexdigest(), recipient=keys.principal, at=at
    )
    return signed_text(keys.signing, typ=TYP_STATEMENT, payload=said.payload())


def keep_package(folder: Path, share: str, package: str) -> Path:
    """Write a package for its way to the recipient; only its owner may read the file.

    Raises:
        Refusal: DG-SHR-025 when a password or a private key lies in the same folder (SHR-09).
    """
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            refuse_secret(file)
    path = folder / f"{share}.jwe"
    write_private(path, package)
    return path


def refuse_secret(file: Path) -> None:
    """Refuse to let a package travel beside what could open it.

    Raises:
        Refusal: DG-SHR-025.
    """
    from consumers.sharing.gates import check_enclosures  # noqa: PLC0415 - who only opens packages needs no consumers

    check_enclosures([file.name])
    if file.is_file() and file.stat().st_size <= _MAX_BYTES:
        text = file.read_bytes()
        if b"PRIVATE KEY-----" in text or (b'"dangan_keys"' in text and (b'"private"' in text or b'"sealed"' in text)):
            raise Refusal("DG-SHR-025", field="enclosures")
