"""The integrity sweep (定期检查, clause AUD-06): every record decrypts, verifies and is complete; nothing is in clear.

Values are opened in memory, one record after the other, looked at and dropped: a finding names the record, the field
and an error's code. It goes on where an earlier run stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import orjson

from consumers.rules import Rules
from keys.cipher import OVERHEAD_BYTES, FieldCipher, Suite
from keys.ports import KeyRef
from keys.ring import Deks, KeyRing
from keys.vault import Transit
from ops.inspections.runs import Found, Progress, silent
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.values import normalise
from store.database import Database, Document
from store.inspections import Finding, Inspections
from store.pages import Pages
from store.record import Record, from_document

_BATCH: Final = 200
#: Records after which the place is noted.
_NOTED: Final = 2_000
_MARKS: Final = frozenset(int(suite) for suite in Suite)


def clear_findings(doc: Document, names: Collection[str]) -> Iterator[Finding]:
    """What of a stored record is not encrypted: a field that is no ciphertext, or a field beside the others. Pure.

    Args:
        doc: the document as it is stored.
        names: the catalogue's fields.
    """
    for name in sorted(doc.keys() & set(names)):
        yield Finding("unencrypted", doc["_id"], name)
    for name, value in sorted(doc.get("fields", {}).items()):
        if not _is_sealed(value):
            yield Finding("unencrypted", doc["_id"], name if name in names else "a field that is not in the catalogue")


def record_findings(record: Record, deks: Deks | DanganError, rules: Rules) -> Iterator[Finding]:
    """What is wrong with a record when its keys are at hand. Pure.

    Args:
        record: as it is stored; its ciphertexts are opened and dropped.
        deks: its keys, or why they cannot be had.
        rules: catalogue, forms.
    """
    if isinstance(deks, DanganError):
        yield Finding("no-key", record.id, deks.code)
        return
    ciphers: dict[Level, FieldCipher] = {}
    for name, sealed in sorted(record.fields.items()):
        spec = rules.catalogue.fields.get(name)
        if spec is None:
            yield Finding("unknown-field", record.id)
        elif spec.level not in deks:
            yield Finding("no-key", record.id, name)
        elif _is_sealed(sealed):
            cipher = ciphers.setdefault(spec.level, FieldCipher(deks[spec.level], record.id, spec.level))
            try:
                value = orjson.loads(cipher.open(name, record.field_versions.get(name, 1), sealed))
                wrong = normalise(name, spec, value) != value
            except DanganError as error:
                yield Finding("does-not-open" if error.code.startswith("DG-KEY") else "not-valid", record.id, name)
            except ValueError:
                yield Finding("not-valid", record.id, name)
            else:
                if wrong:
                    yield Finding("not-valid", record.id, name)
        if spec is not None and spec.index and name not in record.tokens:
            yield Finding("token-missing", record.id, name)
    for name in sorted(record.tokens.keys() - record.fields.keys()):
        yield Finding("token-without-field", record.id, name)
    form = rules.forms.forms.get((record.intake or {}).get("form", ""))
    for name in sorted(set(form.mandatory) - record.fields.keys() if form else ()):
        yield Finding("field-missing", record.id, name)


async def integrity(
    database: Database, transit: Transit, rules: Rules, *, told: Progress = silent, limit: int | None = None
) -> Found | None:
    """Check every live record.

    Args:
        database: the archive's.
        transit: Vault, with a role that may decrypt page keys.
        rules: catalogue and forms.
        told: told how far it is.
        limit: stop after so many records, to go on later; None for all.

    Returns:
        What was found, by this run and those that it goes on from; None when it stopped before the end.

    Raises:
        Transient: Vault or the store does not answer; the next run goes on.
    """
    inspections, found = Inspections(database), Found()
    state = await inspections.progress("integrity") or {"after": "", "counts": {}, "findings": [], "total": {}}
    found.counts.update(state["counts"])
    found.findings += [Finding(*each) for each in state["findings"]]
    found.total.update(state["total"])
    expected = await database["records"].estimated_document_count()
    query: Document = {"state": "live"}
    if state["after"]:
        query["_id"] = {"$gt": state["after"]}
    done, after = 0, ""
    every = database["records"].find(query, {"history": 0}, batch_size=_BATCH).sort("_id", 1)
    async with KeyRing(transit, Pages(database)) as ring, every as cursor:
        while batch := await cursor.to_list(_BATCH):
            await _check(database, batch, ring, rules, found)
            done, after = done + len(batch), batch[-1]["_id"]
            told(found.counts["records"], max(found.counts["records"], expected))
            if done % _NOTED < _BATCH:
                await inspections.stand("integrity", _state(found, after))
            if limit is not None and done >= limit:
                await inspections.stand("integrity", _state(found, after))
                return None
    await inspections.finished("integrity")
    return found


async def _check(database: Database, batch: list[Document], ring: KeyRing, rules: Rules, found: Found) -> None:
    found.counts["records"] += len(batch)
    found.counts["sealed"] += sum("sealed" in doc for doc in batch)
    found.counts["fields"] += sum(len(doc["fields"]) for doc in batch)
    if wrong := {each.about for each in await _findings(batch, ring, rules)}:
        # Looked at again as it is now: a record may have been changed or destroyed between two reads.
        query = {"_id": {"$in": sorted(wrong)}, "state": "live"}
        now = [doc async for doc in database["records"].find(query, {"history": 0})]
        found.add(await _findings(now, ring, rules))


async def _findings(batch: list[Document], ring: KeyRing, rules: Rules) -> list[Finding]:
    found = [each for doc in batch for each in clear_findings(doc, rules.catalogue.fields.keys())]
    # Nobody opens a sealed record (封存) to look at it: its keys are under a root that the inspector cannot use.
    records = [record for doc in batch if not (record := from_document(doc)).sealed]
    refs: dict[str, Mapping[Level, KeyRef]] = {record.id: record.keys for record in records}
    opened = await ring.try_open(refs)
    for record in records:
        found += record_findings(record, opened[record.id], rules)
    return found


def _state(found: Found, after: str) -> dict[str, Any]:
    return {
        "after": after,
        "counts": dict(found.counts),
        "findings": [[each.kind, each.about, each.detail] for each in found.findings],
        "total": dict(Counter(found.total)),
    }


def _is_sealed(value: object) -> bool:
    return isinstance(value, bytes) and len(value) >= OVERHEAD_BYTES and value[0] in _MARKS
