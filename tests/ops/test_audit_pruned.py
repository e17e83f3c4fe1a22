"""After old segments were pruned the stream verifies, and nobody can pass off a deleted young segment as pruned."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.audit_archive.manifest import Manifest, without, write_manifest
from ops.audit_archive.reading import feed_archive, without_pruned
from ops.audit_files import notes_of
from schemas.audit import KeptCheckpoint
from schemas.errors import DanganError
from streams.audit.verify import Verifier
from tests.ops.test_audit_archive import YEAR, Topic, archived, known
from tests.streams.audit_records import NOW, Archive

__all__ = ["known"]


async def pruned(keys: Archive, topic: Topic, folder: Path) -> tuple[list[KeptCheckpoint], Manifest]:
    """An archive of two writers, the first of them pruned; what the database keeps of both."""
    done = await archived(keys, folder, 1000)
    kept = []
    for one in topic.writers:
        size, note = max(one.checkpoints.items())
        kept.append(KeptCheckpoint(one.writer.id, size, note.text, one.writer.cert))
    gone = done.manifest.segments[:1]
    left = without(done.manifest, gone, now_ms=NOW * 1000)
    write_manifest(folder, left)
    (folder / gone[0].name).unlink()
    return kept, left


@pytest.mark.clause("AUD-02")
async def test_what_was_pruned_is_not_missed(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, topic = known
    kept, manifest = await pruned(keys, topic, tmp_path)
    left = without_pruned(kept, tmp_path, keys.trust, now=NOW + 6 * YEAR / 1000)
    assert [one.writer for one in left] == [*manifest.segments[0].writers]
    verifier = Verifier(keys.trust, notes_of(left))
    feed_archive(verifier, tmp_path)
    assert verifier.finish().findings == []
    assert without_pruned(kept, None, keys.trust, now=NOW + 6 * YEAR / 1000) == kept


@pytest.mark.clause("AUD-01")
async def test_a_young_writer_is_missed_whatever_the_manifest_says(
    known: tuple[Archive, Topic], tmp_path: Path
) -> None:
    keys, topic = known
    kept, _ = await pruned(keys, topic, tmp_path)
    verifier = Verifier(keys.trust, notes_of(without_pruned(kept, tmp_path, keys.trust, now=NOW + YEAR / 1000)))
    feed_archive(verifier, tmp_path)
    assert [found.kind.value for found in verifier.finish().findings] == ["truncated"]
    # nor one whose certificate somebody else signed
    other = Archive()
    late = NOW + 6 * YEAR / 1000
    forged = [one._replace(cert=(await other.new_writer("worker-9")).cert) for one in kept]
    assert without_pruned(forged, tmp_path, keys.trust, now=late) == forged
    with pytest.raises(DanganError, match="DG-AUD-003"):
        notes_of([kept[0]._replace(writer="somebody")])
