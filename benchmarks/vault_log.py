"""Vault calls counted where nobody can forget one: in Vault's own audit log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import orjson


@dataclass(slots=True)
class VaultWork:
    """What Vault did: requests by operation, and the items in them (a batch holds up to 480)."""

    calls: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)


class VaultLog:
    """Counts the requests that Vault logged since the last time it was asked."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = file.stat().st_size

    def since_last(self) -> VaultWork:
        """What was logged since; anything of our own in between counts as well."""
        work = VaultWork()
        with self._file.open("rb") as log:
            log.seek(self._at)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                entry = orjson.loads(line)
                if entry.get("type") != "request":
                    continue
                request = entry["request"]
                name = _operation(str(request.get("path", "")))
                batch = (request.get("data") or {}).get("batch_input")
                work.calls[name] += 1
                work.items[name] += len(batch) if isinstance(batch, list) else 1
        return work


def _operation(path: str) -> str:
    parts = path.split("/")
    return parts[1] if len(parts) > 1 and parts[0] != "sys" else path
