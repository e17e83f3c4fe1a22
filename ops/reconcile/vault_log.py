"""Vault's own audit log, read as a stream: the requests that open, move or take away keys, or sign what gives access.

OpenBao and Vault write one JSON object a line, a request and its response each; values in it are HMACs under a key of
the device, so there is nothing to decrypt and nothing to leak. What is taken from a line: when, which path, with how
many items, by which token (display name, accessor's HMAC, policies), from which address, and whether it was allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import orjson

from keys.roots import GRANTS_KEY
from ops.audit_files import Advance, lines_of
from ops.printable import printable
from schemas.errors import DanganError

Kind = Literal["unwrap", "move", "take", "guard", "sign"]
#: Operations by what they do to a key: open something wrapped, move its versions, take the key itself away.
_KINDS: Final[dict[str, Kind]] = {
    "decrypt": "unwrap",
    "rewrap": "move",
    "rotate": "move",
    "trim": "move",
    "config": "move",
    "export": "take",
    "byok-export": "take",
    "backup": "take",
    "restore": "take",
    "datakey": "take",
    "import": "take",
    "import_version": "take",
    "soft-delete": "take",
    "delete": "take",
}
#: Parts of Vault itself with which the watch over it is switched off or gone around.
_GUARDS: Final = ("sys/audit", "sys/generate-root", "sys/rekey", "sys/raw", "sys/policies/acl/dangan-")
_READS: Final = frozenset({"read", "list"})
_ROLE: Final = "dangan-"
#: No line of Vault's is longer: a batch of 480 items, each as an HMAC.
_MAX_LINE: Final = 4 * 1024 * 1024
_REPORT_EVERY: Final = 1 << 20  # bytes


class VaultCall(NamedTuple):
    """One request.

    Attributes:
        at_ms: when Vault took it, UNIX milliseconds.
        operation: ``decrypt``, ``trim`` and so on; for Vault's own paths, Vault's word.
        key: the transit key; for Vault's own paths, empty.
        items: of its batch.
        role: which of our roles its token has, by the token's one policy; empty when it is none of them.
        identity: the token's display name.
        accessor: the HMAC of the token's accessor, its first 16 hex digits: tells tokens of one role apart.
    """

    at_ms: int
    kind: Kind
    operation: str
    path: str
    key: str
    items: int
    role: str
    identity: str
    accessor: str
    address: str
    allowed: bool


def calls_in(paths: Sequence[Path], mount: str, advance: Advance = lambda _: None) -> Iterator[VaultCall]:
    """The calls of log files, in the order in which they are given; ``.gz`` files are unpacked as they are read.

    Args:
        paths: the device's file, rotated ones before it.
        mount: where the transit engine is mounted.
        advance: told how many bytes of the files as they lie on the disk were read since last.

    Raises:
        DanganError: DG-AUD-061 when a file cannot be read, or holds no audit log of Vault's.
    """
    for path in paths:
        known, done = False, 0
        with lines_of(path, "DG-AUD-061") as (lines, raw):
            while line := lines.readline(_MAX_LINE):
                entry = _entry(line)
                known = known or entry is not None
                if entry is not None and (call := _call(entry, mount)) is not None:
                    yield call
                if raw.tell() - done > _REPORT_EVERY:
                    advance(raw.tell() - done)
                    done = raw.tell()
            advance(raw.tell() - done)
        if not known and path.stat().st_size:
            raise DanganError("DG-AUD-061", field=str(path))


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line's object, or None for what is none of Vault's: a line half written when the log was copied."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("request"), dict) else None


def _call(entry: dict[str, Any], mount: str) -> VaultCall | None:
    """The call, if the entry is a request that matters here. A response repeats its request."""
    if entry.get("type") != "request":
        return None
    request, auth = entry["request"], entry.get("auth") or {}
    path, operation = str(request.get("path", "")), str(request.get("operation", ""))
    found = _of_transit(path, operation, mount) or _of_guard(path, operation, auth)
    if found is None:
        return None
    kind, word, key = found
    data = request.get("data")
    batch = data.get("batch_input") if isinstance(data, dict) else None
    return VaultCall(
        at_ms=_milliseconds(str(entry.get("time", ""))),
        kind=kind,
        operation=word,
        path=printable(path)[:200],
        key=key,
        items=len(batch) if isinstance(batch, list) else 1,
        role=_role(auth),
        identity=printable(str(auth.get("display_name", "")))[:100] or "nobody",
        accessor=str(auth.get("accessor", "")).removeprefix("hmac-sha256:")[:16],
        address=printable(str(request.get("remote_address", "")))[:64],
        allowed=not entry.get("error") and (auth.get("policy_results") or {}).get("allowed", True) is True,
    )


def _of_transit(path: str, operation: str, mount: str) -> tuple[Kind, str, str] | None:
    if not path.startswith(f"{mount}/"):
        return None
    parts = path[len(mount) + 1 :].split("/")
    if parts[0] == "keys":  # keys/NAME, keys/NAME/trim
        word = parts[2] if len(parts) > 2 else operation
        key = parts[1] if len(parts) > 1 else ""
    else:  # decrypt/NAME, sign/NAME, export/TYPE/NAME
        word, key = parts[0], parts[-1]
    kind: Kind | None = "sign" if (word, key) == ("sign", GRANTS_KEY) else _KINDS.get(word)
    if kind is None or (operation in _READS and kind == "move"):
        return None
    return kind, word, printable(key)[:100]


def _of_guard(path: str, operation: str, auth: dict[str, Any]) -> tuple[Kind, str, str] | None:
    # Vault tests a new audit device with a request that nobody sent.
    test = path == "sys/audit/test" and not auth.get("accessor")
    if test or operation in _READS or not path.startswith(_GUARDS):
        return None
    return "guard", operation, ""


def _role(auth: dict[str, Any]) -> str:
    policies = [name for name in auth.get("policies") or () if name != "default"]
    one = str(policies[0]) if len(policies) == 1 else ""
    return one.removeprefix(_ROLE) if one.startswith(_ROLE) else ""


def _milliseconds(text: str) -> int:
    """RFC 3339 with nanoseconds, as Vault writes it; 0 for what is no time."""
    try:
        moment = datetime.fromisoformat(text[:26].rstrip("Z") if "." in text else text.rstrip("Z"))
    except ValueError:
        return 0
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
