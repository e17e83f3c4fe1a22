"""Custody's rules that need no server: videos, terminals, lists of other systems, last reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.custody.auxiliary import references
from ops.custody.retrievals import last_reads
from ops.custody.videos import missing_copies
from ops.detect.seen import Seen
from schemas.custody import MEDIA
from schemas.errors import DanganError
from schemas.registers import Entry
from schemas.rule_tables.storage import Storage

STRICT = Storage()


def video(target: str, **said: Any) -> Entry:
    parts: dict[str, Any] = {"location": "x-1", "responsible": "p:1", "condition": "intact", "target": target, **said}
    return MEDIA.begin(f"v-{target}", "video", parts, by="p:1", at=1)


DISC = video("store_disc", encrypted=True)
SERVER = video("headquarters_server", encrypted=True, encrypted_transfer=True)


@pytest.mark.clause("STO-15")
@pytest.mark.parametrize(
    ("videos", "missing"),
    [
        ([], ["store_disc", "headquarters_server"]),
        ([DISC], ["headquarters_server"]),
        ([SERVER], ["store_disc"]),
        ([DISC, SERVER], []),
        ([video("store_disc"), SERVER], ["store_disc"]),
        ([DISC, video("headquarters_server", encrypted=True)], ["headquarters_server"]),
        ([DISC, replace(SERVER, state="discarded")], ["headquarters_server"]),
        ([replace(DISC, state="lost"), SERVER], ["store_disc"]),
    ],
)
def test_a_witness_video_is_kept_twice_and_encrypted(videos: list[Entry], missing: list[str]) -> None:
    assert missing_copies(videos, STRICT) == missing


@pytest.mark.clause("STO-15")
def test_the_setting_can_ask_for_less() -> None:
    plain = Storage(video_targets=("store_disc",), video_encrypted=False)
    assert missing_copies([video("store_disc")], plain) == []


@pytest.mark.clause("STO-14")
def test_lists_of_other_systems_are_read_in_both_forms_and_refused_by_line(tmp_path: Path) -> None:
    csv, lines = tmp_path / "held.csv", tmp_path / "held.jsonl"
    csv.write_text("record,branch\nrec-1,b\nrec-2,b\n", "utf-8")
    lines.write_text('{"record": "rec-1"}\n{"record": "rec-2"}\n', "utf-8")
    assert list(references(csv, "record")) == list(references(lines, "record")) == ["rec-1", "rec-2"]
    for name, content in (
        ("none.csv", "branch\nb\n"),
        ("empty.csv", 'record\nrec-1\n""\n'),
        ("bad.jsonl", '{"record": 5}\n'),
        ("array.jsonl", "[]\n"),
        ("broken.jsonl", "{\n"),
        ("long.csv", f"record\n{'x' * 5000}\n"),
    ):
        file = tmp_path / name
        file.write_text(content, "utf-8")
        with pytest.raises(DanganError) as refused:
            list(references(file, "record"))
        assert refused.value.code == "DG-MED-020", name
    with pytest.raises(DanganError):
        list(references(tmp_path / "absent.csv", "record"))


def seen(at_ms: int, record: str, *, allowed: bool = True, action: str = "access") -> Seen:
    return Seen(
        f"e-{at_ms}", at_ms, allowed, action, "", "person:reader", record, "", "grant-1", "", "", "", "", ()
    )  # fmt: skip


@pytest.mark.clause("STO-13")
def test_the_last_retrieval_is_the_last_allowed_read() -> None:
    events = [
        seen(10, "rec-1"),
        seen(30, "rec-1"),
        seen(20, "rec-1"),
        seen(40, "rec-1", allowed=False),
        seen(50, "rec-1", action="update"),
        seen(60, ""),
    ]
    found, newest = last_reads(events)
    assert {record: each.at_ms for record, each in found.items()} == {"rec-1": 30}
    assert newest == 60
    assert last_reads([]) == ({}, None)
