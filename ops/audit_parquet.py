"""The audit stream as a table (Parquet), for analysis: a row for each event, in the order read.

The columns are in docs/audit.md. ``value`` holds the event's bytes as they stand on the topic: only these verify.
Checkpoints are no events and are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from ops.audit_files import new_file
from schemas.errors import DanganError
from streams.audit.chain import read_link
from streams.audit.checkpoint import VALUE_PREFIX

if TYPE_CHECKING:
    from streams.audit.reader import Entry

#: Rows of one row group: some 30 MB in memory.
_ROWS: Final = 20_000
_TEXTS: Final = ("command", "action", "verb", "record", "subject", "level", "purpose", "grant", "reader", "consent")
_LISTS: Final = ("fields", "approvers", "clear", "roles")


def _schema(arrow: Any) -> Any:
    text, texts = arrow.string(), arrow.list_(arrow.string())
    return arrow.schema(
        [
            ("time", arrow.timestamp("ms", tz="UTC")),
            ("uid", text),
            ("class_uid", arrow.int32()),
            ("allowed", arrow.bool_()),
            ("severity_id", arrow.int32()),
            ("code", text),
            ("actor", text),
            ("bundle", text),
            ("source", text),
            ("count", arrow.int64()),
            *((name, text) for name in _TEXTS),
            *((name, texts) for name in _LISTS),
            ("version", arrow.int64()),
            ("digest", text),
            ("writer", text),
            ("seq", arrow.int64()),
            ("chained", arrow.timestamp("ms", tz="UTC")),
            ("partition", arrow.int32()),
            ("offset", arrow.int64()),
            ("value", arrow.binary()),
        ]
    )


async def write_parquet(batches: AsyncIterable[list[Entry]], path: Path, advance: Callable[[int], None]) -> int:
    """Write the events to a new file; ``advance`` is told how many records were read since last.

    Returns:
        How many rows.

    Raises:
        DanganError: DG-AUD-005 when the file exists or cannot be written, DG-AUD-064 without the library.
    """
    try:
        import pyarrow  # noqa: PLC0415 - in the extra office
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise DanganError("DG-AUD-064") from error
    schema, count, rows = _schema(pyarrow), 0, list[dict[str, object]]()

    with new_file(path) as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        async for entries in batches:
            found = [row for entry in entries if (row := row_of(entry)) is not None]
            rows += found
            count += len(found)
            if len(rows) >= _ROWS:
                flush()
            advance(len(entries))
        flush()
    return count


def row_of(entry: Entry) -> dict[str, object] | None:
    """The row of a value of the topic; None for what is no event."""
    link = None if entry.value.startswith(VALUE_PREFIX) else read_link(entry.value)
    if link is None:
        return None
    try:
        event = orjson.loads(entry.value)
        own: dict[str, Any] = event["unmapped"]["dangan"]
        return {
            "time": event["time"],
            "uid": event["metadata"]["uid"],
            "class_uid": event["class_uid"],
            "allowed": event["status_id"] == 1,
            "severity_id": event["severity_id"],
            "code": event.get("status_code"),
            "actor": event["actor"]["user"].get("uid"),
            "bundle": event["metadata"].get("correlation_uid"),
            "source": event["src_endpoint"].get("uid"),
            "count": event.get("count", 1),
            **{name: own.get(name) for name in _TEXTS},
            **{name: list(own.get(name, ())) for name in _LISTS},
            "version": own.get("version"),
            "digest": own.get("digest"),
            "writer": link.writer,
            "seq": link.seq,
            "chained": link.at,
            "partition": entry.partition,
            "offset": entry.offset,
            "value": entry.value,
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
