"""Error texts of observing: metrics, reconciliation with Vault's log, the archive of the audit stream."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

OBSERVING: Final[dict[str, Text]] = {
    "DG-AUD-060": Text(
        "Metrics and health cannot be served: the address or port cannot be used.",
        "Give each worker a metrics_port of its own, or end what uses this one.",
    ),
    "DG-AUD-061": Text(
        "Vault's audit log cannot be read.",
        "Give the file of Vault's file audit device, rotated ones first (.gz is read too); see docs/observability.md.",
    ),
    "DG-AUD-062": Text(
        "The archive of the audit stream is not what its manifest says.",
        "Keep the folder as it is and tell security operations; another copy of the named file may still be whole.",
    ),
    "DG-AUD-063": Text(
        "The audit stream does not verify, so it is not archived.",
        "Run dangan audit verify, which names what was found and where.",
    ),
    "DG-AUD-064": Text(
        "Parquet files need a library that is not installed.",
        "Install this program with its extra office, or export NDJSON.",
    ),
    "DG-AUD-065": Text(
        "The archive of the audit stream would not go on from what it holds.",
        "Archive into the folder that holds the earlier segments.",
    ),
    "DG-AUD-066": Text(
        "Another run is at work in this archive of the audit stream.",
        "Wait until it has ended, then run the command again; nothing was written or deleted.",
    ),
}
