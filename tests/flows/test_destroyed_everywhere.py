"""After destroy and sweep no old copy of anything yields the destroyed record, and every other one is still there.

The thief copied database, journal and topics beforehand and holds Vault's root token (tests/harness/thief.py).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import orjson
import pytest

from keys.certificate import verify_certificate
from keys.roots import INGEST_ROOT, root_of
from schemas.errors import DanganError
from schemas.levels import Level
from tests.harness.story import DESTROYED, Story

pytestmark = [pytest.mark.flow, pytest.mark.clause("DES-02")]


def test_before_the_sweep_the_thief_reads_everything(story: Story) -> None:
    """The positive control: these very copies and this very code do read the records while the keys are there."""
    assert story.read_before.records == story.customers
    assert story.read_middle.records == story.customers
    for reading in (story.read_before, story.read_middle):
        assert _collected(reading.bundles) >= story.customers.keys()


def test_after_the_sweep_the_thief_reads_nothing_of_the_old_copy(story: Story) -> None:
    assert story.read_after.records == {}
    assert story.read_after.bundles == ()


def test_vault_does_not_bring_old_versions_back_for_its_root_token(story: Story) -> None:
    assert story.brought_back.keys() == {*(root_of(level) for level in Level), INGEST_ROOT}
    assert all(story.brought_back.values())


def test_old_data_with_the_newest_key_pages_yields_every_survivor_and_nobody_else(story: Story) -> None:
    expected = {name: fields for name, fields in story.customers.items() if name not in DESTROYED}
    assert story.survivors.records == expected
    assert _collected(story.survivors.bundles).isdisjoint(DESTROYED)


def test_the_copied_log_folder_holds_what_the_thief_tried(story: Story) -> None:
    """The topics' bytes were copied too: what was tried is what lies there."""
    log = b"".join(file.read_bytes() for file in sorted((story.loot.folder / "kafka").rglob("*.log")))
    assert len(story.loot.messages) >= 5
    assert all(value in log for value in story.loot.messages)


def test_the_certificate_names_the_destroyed_and_verifies_offline(story: Story) -> None:
    certificates = [verify_certificate(jws, story.office.trust) for jws in story.certificates]
    assert sorted(record.id for each in certificates for record in each.records) == sorted(DESTROYED)
    (certificate,) = certificates
    assert certificate.requester == story.office.archivist.principal
    assert len(certificate.approvals) == 2
    assert {root.root for root in certificate.roots} == story.brought_back.keys()
    assert certificate.ingest_keys_destroyed


def test_an_altered_certificate_does_not_verify(story: Story, tmp_path: Path) -> None:
    head, payload, signature = story.certificates[0].split(".")
    swapped = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    with pytest.raises(DanganError) as refused:
        verify_certificate(f"{head}.{swapped}.{signature}", story.office.trust)
    assert refused.value.code.startswith("DG-CER-")


def _collected(bundles: Collection[bytes]) -> set[str]:
    commands = [command for bundle in bundles for command in orjson.loads(bundle)["commands"]]
    return {command["record"] for command in commands if command["type"] == "collect"}
