"""What is put into a package (文件包): the least that was applied for, in the form that was approved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from consumers.rules import Rules
from consumers.sharing.aggregate import aggregate
from consumers.sharing.gates import is_identifier
from consumers.sharing.pseudonyms import RECORD, Pseudonyms
from schemas.errors import Refusal
from schemas.principals import PublicKey
from schemas.sharing import Share
from store.agreements import Agreement
from store.shares import Shared

#: Bytes of a package's content. Sealed twice it is 3.2 times as long, and one message takes it.
MAX_CONTENT: Final = 256 * 1024


class Row(NamedTuple):
    """One record that is shared: its id, whose it is, the values of the fields."""

    record: str
    subject: str
    values: Mapping[str, object]


class Sealing(Protocol):
    """Signs as the archive and encrypts to a recipient (streams/packages.py)."""

    def seal(self, content: bytes, *, recipient: PublicKey, package: str, at: int) -> str:
        """The package: a compact JWE of a compact JWS."""


def content_of(
    share: Shared,
    rows: Sequence[Row],
    *,
    package: str,
    at: int,
    watermark: str,
    agreement: Agreement | None,
    pseudonyms: Pseudonyms | None,
    rules: Rules,
) -> bytes:
    """The JSON inside a package.

    Args:
        share: what was approved.
        rows: what was opened.
        package: the package's id, that of the deliver command.
        at: when it is made, UNIX seconds.
        watermark: keys/watermark.py.
        agreement: whose duties go with it.
        pseudonyms: of this share, for the form that needs them.
        rules: catalogue and rule book.

    Raises:
        Refusal: DG-SHR-053 when it is too large.
    """
    command = Share.model_validate(share.request)
    said: dict[str, Any] = {
        "share": share.id,
        "package": package,
        "recipient": command.recipient,
        "purpose": command.purpose,
        "basis": command.basis,
        "form": command.form,
        "agreement": agreement.id if agreement else None,
        "duties": agreement.duties if agreement else (),
        "made_at": _moment(at),
        "until": _moment(share.until),
        "fields": command.fields,
        "watermark": watermark,
    }
    content = orjson.dumps(said | _body(command, rows, pseudonyms, rules))
    if len(content) > MAX_CONTENT:
        raise Refusal("DG-SHR-053", detail=f"{len(content)} bytes")
    return content


def _body(command: Share, rows: Sequence[Row], pseudonyms: Pseudonyms | None, rules: Rules) -> dict[str, Any]:
    if command.form == "aggregate":
        k = rules.book.share.k_minimum
        made = aggregate([(row.subject, row.values) for row in rows], command.fields, k=k)
        return {"k": k, "groups": made.groups, "remainder": made.remainder}
    if pseudonyms is None:
        return {"rows": [{RECORD: row.record, "values": row.values} for row in rows]}
    catalogue, book = rules.catalogue, rules.book.share
    identifying = {name for name in command.fields if is_identifier(name, catalogue, book)}
    shown = [
        {RECORD: pseudonyms.of(RECORD, row.record), "values": pseudonyms.replaced(row.values, identifying)}
        for row in rows
    ]
    return {"rows": sorted(shown, key=lambda each: str(each[RECORD]))}  # their order tells nothing of the records' ids


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
