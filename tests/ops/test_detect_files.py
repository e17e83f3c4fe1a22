"""A rule is data: what is wrong in its file is told with file and key, and no file can make the detector grow."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.cli import build
from ops.detect.conditions import watcher
from ops.detect.counts import WatchVolume
from ops.detect.detector import lookback_ms
from ops.detect.rules import load_detections, read_rule
from ops.detect.source import LATENESS_MS, Sorter, events_in, ordered
from ops.detect.watching import MAX_KEYS
from schemas.errors import DanganError
from tests.ops.detect_events import MORNING, event
from tests.streams.audit_records import Archive, some_facts, write

GOOD = """
id: some-rule
title: A title
description: What it is
severity: high
select:
  action: [access]
condition:
  kind: volume
  more_than: 3
  within: 1h
"""


def written(folder: Path, text: str, name: str = "rule.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_good_file_is_a_rule(tmp_path: Path) -> None:
    rule = read_rule(written(tmp_path, GOOD))
    assert (rule.id, rule.condition.kind, rule.once_per) == ("some-rule", "volume", 86_400_000)
    assert lookback_ms([rule]) == 3_600_000


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("id: some-rule", "id: Some Rule", "rule.yaml: id"),
        ("severity: high", "severity: awful", "rule.yaml: severity"),
        ("title: A title\n", "", "rule.yaml: title"),
        ("[access]", "[peek]", "rule.yaml: select.action.0"),
        ("action:", "deed:", "rule.yaml: select.deed"),
        ("kind: volume", "kind: script", "rule.yaml: condition"),
        ("more_than: 3", "more_than: 0", "rule.yaml: condition.volume.more_than"),
        ("more_than: 3", "more_than: 100000000", "rule.yaml: condition.volume.more_than"),
        ("within: 1h", "within: 99d", "rule.yaml: condition.volume.within"),
        ("within: 1h", "within: soon", "rule.yaml: condition.volume.within"),
        ("within: 1h", "within: 3600", "rule.yaml: condition.volume.within"),
        ("more_than: 3", "more_than: 3\n  by: password", "rule.yaml: condition.volume.by"),
        ("id: some-rule", "id: [", "rule.yaml: line"),
        ("[access]", "!!python/object/apply:os.system [ls]", "rule.yaml: line"),
        ("[access]", "&a [access]\n  verb: *a", "rule.yaml"),
        (GOOD, "", "rule.yaml: the file"),
        (GOOD, "- 1\n", "rule.yaml: the file"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(tmp_path: Path, old: str, new: str, where: str) -> None:
    with pytest.raises(DanganError, match="DG-DET-001") as caught:
        read_rule(written(tmp_path, GOOD.replace(old, new)))
    assert (caught.value.field or "").startswith(where)


def test_deep_nesting_is_refused_before_the_parser_works_on_it(tmp_path: Path) -> None:
    with pytest.raises(DanganError, match="nested too deep"):  # the scanner would take minutes
        read_rule(written(tmp_path, "[" * 60_000))


def test_a_long_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DanganError, match="64 KiB"):
        read_rule(written(tmp_path, GOOD + "# " + "x" * 70_000))
    with pytest.raises(DanganError, match="DG-DET-001"):
        load_detections(tmp_path / "absent")


def test_two_rules_with_one_name_are_refused_and_one_switched_off_is_left_out(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a.yaml")
    written(tmp_path, GOOD, "b.yaml")
    with pytest.raises(DanganError, match="some-rule"):
        load_detections(tmp_path)
    written(tmp_path, GOOD.replace("some-rule", "other-rule") + "enabled: false\n", "b.yaml")
    assert [rule.id for rule in load_detections(tmp_path)] == ["some-rule"]


@given(st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_the_reader_fail_otherwise(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    with pytest.raises(DanganError, match="DG-DET-001"):
        read_rule(path)


def test_memory_is_bounded_by_the_rule_and_by_the_number_of_keys(tmp_path: Path) -> None:
    watching = watcher(read_rule(written(tmp_path, GOOD)))
    assert isinstance(watching, WatchVolume)
    for at in range(2000):
        watching.see(event(f"e-{at}", MORNING + at), selected=True)
    (values,) = watching.states.values()
    assert len(values) == 4
    for at in range(MAX_KEYS + 10):
        watching.see(event("e", MORNING, actor=f"a-{at}"), selected=True)
    assert len(watching.states) == MAX_KEYS


def test_events_are_put_in_the_order_of_time_wherever_they_come_from(tmp_path: Path) -> None:
    events = [event(f"e-{at}", MORNING + at // 2) for at in range(50)]
    mixed = random.Random(3).sample(events, len(events))
    assert ordered(mixed) == ordered(events)
    waiting = Sorter()
    for one in mixed:
        waiting.put(one)
    assert list(waiting.ripe(MORNING)) == []
    assert [one.at_ms for one in waiting.ripe(MORNING + 10 + LATENESS_MS)] == [MORNING + at // 2 for at in range(22)]
    assert len(list(waiting.ripe(MORNING + 1000 + LATENESS_MS))) == 28


def test_the_command_runs_over_an_export(tmp_path: Path) -> None:
    export = tmp_path / "audit.ndjson"
    export.write_bytes(b"\n".join(write(Archive().writer(), [some_facts(200)]).values))
    assert len(events_in([export])) == 201
    words = ["detect", "--in", str(export), "--since", "start"]
    shown = CliRunner().invoke(build(), [*words, "--json"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("reads-in-bulk") >= 1
    assert CliRunner().invoke(build(), words).output.count("reader-1") >= 1
    listed = CliRunner().invoke(build(), ["detect", "--list"])
    assert "decoy-touched" in listed.output
