"""How TLS is verified, wherever this program is the client."""

from __future__ import annotations

import ssl
from pathlib import Path

from schemas.errors import DanganError


def verifying(authorities: Path | None, setting: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, which verifies certificate and name by a PEM file's authorities, or by the system's.

    Args:
        authorities: the file; None: the system's.
        setting: what names the file, for the error.

    Raises:
        DanganError: DG-OPS-011 when the file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one; its reason names no content
        raise DanganError("DG-OPS-011", field=setting, detail=error.strerror or type(error).__name__) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
