"""Vault's log against our stream: honest work fits, and whatever else uses a key is found. No server."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reconcile.alarms import MEANINGS, alerts_of
from ops.reconcile.compare import PAGES_PER_EVENT, SKEW_S, Comparison, Finding, Report
from ops.reconcile.told import Told
from ops.reconcile.vault_log import VaultCall, calls_in
from schemas.audit import Action, Fact, event_id, ocsf
from schemas.errors import DanganError
from streams.audit.chain import Chain

NOW = 1_795_000_000
WINDOW = 60
LINE: dict[str, Any] = {
    "time": "2026-11-22T17:02:56.833403824Z",
    "type": "request",
    "auth": {
        "accessor": "hmac-sha256:9fb5256b27e0ddb9f81265ea997c371c",
        "display_name": "token-dangan-worker",
        "policies": ["dangan-worker"],
        "policy_results": {"allowed": True},
    },
    "request": {
        "operation": "update",
        "path": "transit/decrypt/dangan-basic",
        "data": {"batch_input": [{"ciphertext": "hmac-sha256:1"}, {"ciphertext": "hmac-sha256:2"}]},
        "remote_address": "10.0.0.7",
    },
}


def call(at_s: float = NOW, **said: Any) -> VaultCall:
    """A worker's unwrap of one page key."""
    usual = VaultCall(
        int(at_s * 1000), "unwrap", "decrypt", "transit/decrypt/dangan-basic", "dangan-basic", 1, "worker",
        "token-dangan-worker", "9fb5256b27e0ddb9", "10.0.0.7", True,
    )  # fmt: skip
    return usual._replace(**said)


def told(*events: tuple[float, Action, str | None]) -> Told:
    """Events of one writer, each as the stream has it: seconds when it was chained, action, verb (an operator's)."""
    made, chain = Told(), Chain("worker-1.x")
    for number, (at_s, action, verb) in enumerate(events):
        place: dict[str, Any] = {} if verb else {"topic": "archive.access", "partition": 0, "offset": number}
        fact = Fact(
            f"c-{number}", action, True, None, "a", (NOW - 9999) * 1000, "r-1", fields=("name",), verb=verb, **place
        )  # type: ignore[arg-type]
        made.feed([chain.add(ocsf(fact, event_id(fact)), int(at_s * 1000))])
    return made


def compared(known: Told, *calls: VaultCall, since_s: float = NOW - 1000) -> Report:
    comparison = Comparison(known, since_ms=int(since_s * 1000), until_ms=(NOW + 5000) * 1000, window_s=WINDOW)
    comparison.feed(calls)
    return comparison.finish()


def kinds(report: Report) -> list[str]:
    return [one.kind for one in report.findings]


def test_a_read_explains_the_unwraps_before_it() -> None:
    levels = [call(key=f"dangan-{level}", path=f"transit/decrypt/dangan-{level}") for level in ("basic", "core")]
    assert compared(told((NOW + 1, "access", None)), *levels).findings == []


@pytest.mark.clause("SEC-12", "AUD-01")
def test_an_unwrap_without_an_event_is_found_with_time_path_and_token() -> None:
    (found,) = compared(told((NOW - 500, "update", None), (NOW + 500, "update", None)), call(), call(items=3)).findings
    assert found == Finding(
        "unwrap-unexplained", NOW * 1000, "transit/decrypt/dangan-basic", "token-dangan-worker", "9fb5256b27e0ddb9",
        "10.0.0.7", 4,
    )  # fmt: skip


def test_a_thief_beside_honest_work_is_found_once_he_takes_more_than_it_explains() -> None:
    known = told(*((NOW + at, "access", None) for at in range(3)))
    honest = [call(NOW + at) for at in range(3)]
    assert compared(known, *honest).findings == []
    assert set(kinds(compared(known, *honest, call(NOW + 1, items=100)))) == {"unwrap-unexplained"}


def sign(at_s: float = NOW, **said: Any) -> VaultCall:
    """A worker's signature by the key of grants."""
    usual = {"kind": "sign", "operation": "sign", "path": "transit/sign/dangan-grants", "key": "dangan-grants"}
    return call(at_s, **usual | said)


@pytest.mark.clause("SEC-12", "USE-01")
def test_a_signature_that_no_event_explains_is_found() -> None:
    known = told((NOW + 1, "use", None), (NOW + 1, "grant", None), (NOW + 30, "share", None))
    honest = [sign(), sign(NOW + 0.5), sign(NOW + 29)]
    assert compared(known, *honest).findings == []
    assert set(kinds(compared(known, *honest, *[sign(NOW + 2)] * 9))) == {"sign-unexplained"}
    assert kinds(compared(told((NOW + 1, "access", None)), call(), sign())) == ["sign-unexplained"]
    assert kinds(compared(known, sign(role="worker-basic"))) == ["unknown-identity"]
    assert kinds(compared(known, sign(role="", identity="root"))) == ["unknown-identity"]


def test_of_signing_requests_those_by_the_key_of_grants_are_read(tmp_path: Path) -> None:
    lines = [line(request={"operation": "update", "path": f"transit/sign/dangan-{name}", "data": {}})
             for name in ("grants", "writers", "certificates")]  # fmt: skip
    (log := tmp_path / "vault.log").write_bytes(b"".join(lines))
    assert [(one.kind, one.key) for one in calls_in([log], "transit")] == [("sign", "dangan-grants")]


def test_a_piece_taken_out_of_the_stream_is_found() -> None:
    events: list[tuple[float, Action, str | None]] = [(NOW + 100 * at, "access", None) for at in range(10)]
    calls = [call(NOW + 100 * at - 1) for at in range(10)]
    assert compared(told(*events), *calls).findings == []
    report = compared(told(*events[:4], *events[6:]), *calls)
    assert [one.at_ms for one in report.findings] == [(NOW + 400 - 1) * 1000, (NOW + 500 - 1) * 1000]


def test_collections_explain_no_unwrap_and_scans_do() -> None:
    assert kinds(compared(told((NOW + 1, "collect", None)), call())) == ["unwrap-unexplained"]
    made, chain = Told(), Chain("w.x")
    scan = Fact("c", "collect", True, None, "a", 0, "r", fields=("attachment.id_copy",), topic="t", offset=1)
    made.feed([chain.add(ocsf(scan, event_id(scan)), NOW * 1000)])
    assert compared(made, call()).findings == []


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (call(allowed=False), "call-refused"),
        (call(role="", identity="root"), "unknown-identity"),
        (call(role="admin"), "unknown-identity"),
        (call(role="sweeper"), "unwrap-unexplained"),
        (call(role="worker", kind="move", operation="rewrap"), "unknown-identity"),
        (call(role="sweeper", kind="move", operation="trim"), "move-outside-run"),
        (call(role="sweeper", kind="take", operation="export"), "key-taken"),
        (call(role="", kind="guard", path="sys/audit/file"), "watch-changed"),
        (call(key="dangan-sealed"), "unknown-identity"),
        (call(key="dangan-ingest"), "unwrap-unexplained"),
    ],
)
@pytest.mark.clause("SEC-12")
def test_what_is_wrong_by_itself(wrong: VaultCall, kind: str) -> None:
    assert kinds(compared(told(), wrong)) == [kind]


def test_a_sweep_explains_what_the_sweeper_does_while_it_lasts() -> None:
    run = told((NOW, "sweep", "begin"), (NOW + 10, "sweep", "finish"))
    moves = [call(NOW + 5, role="sweeper", kind="move", operation=op) for op in ("rotate", "rewrap", "config", "trim")]
    assert compared(run, *moves, call(NOW + 6, role="sweeper")).findings == []
    assert kinds(compared(run, call(NOW + 60, role="sweeper", kind="move"))) == ["move-outside-run"]
    assert kinds(compared(told((NOW, "sweep", "begin")), call(NOW + 60, role="sweeper", kind="move"))) == []


def test_an_ingest_key_is_opened_for_a_command() -> None:
    ingest = call(key="dangan-ingest")
    assert compared(told((NOW + 1, "collect", None)), ingest).findings == []


def test_a_read_without_any_unwrap_is_found() -> None:
    known = told((NOW + 300, "access", None))
    assert compared(known, call(NOW + 250)).findings == []
    report = compared(known, call(NOW - 900, allowed=True), since_s=NOW - 950)
    assert kinds(report) == ["unwrap-unexplained", "read-without-unwrap"]


def test_a_search_that_found_nothing_needs_no_unwrap() -> None:
    assert compared(told((NOW + 300, "query", None))).findings == []


def test_calls_too_new_to_have_been_told_wait() -> None:
    comparison = Comparison(told(), since_ms=0, until_ms=NOW * 1000, window_s=WINDOW)
    comparison.feed([call(NOW)])
    report = comparison.finish()
    assert (report.too_new, report.findings) == (1, [])


@settings(max_examples=60)
@given(st.data())
def test_honest_work_always_fits_and_one_unwrap_more_than_explained_never_does(data: st.DataObject) -> None:
    """Each event explains up to two unwraps in the window before it; a surplus is found wherever it stands."""
    times = data.draw(st.lists(st.integers(0, 900), min_size=1, max_size=20))
    known = told(*((NOW + at, "access", None) for at in times))
    calls = [
        call(NOW + at - data.draw(st.integers(0, WINDOW)))
        for at in times
        for _ in range(data.draw(st.integers(0, PAGES_PER_EVENT)))
    ]
    calls.sort(key=lambda one: one.at_ms)
    assert [one for one in compared(known, *calls).findings if one.kind == "unwrap-unexplained"] == []
    thief = call(NOW + data.draw(st.integers(-100, 1000)), items=PAGES_PER_EVENT * len(times) + 1 - len(calls))
    report = compared(known, *sorted([*calls, thief], key=lambda one: one.at_ms))
    assert "unwrap-unexplained" in kinds(report)


def line(**changes: Any) -> bytes:
    entry = orjson.loads(orjson.dumps(LINE))
    for path, value in changes.items():
        part, _, name = path.partition("__")
        if name:
            entry[part][name] = value
        else:
            entry[part] = value
    return orjson.dumps(entry) + b"\n"


def test_a_log_is_read_across_rotated_and_packed_files(tmp_path: Path) -> None:
    (tmp_path / "audit.log.1.gz").write_bytes(gzip.compress(line() + line(type="response")))
    broken = line()[:100]
    (tmp_path / "audit.log").write_bytes(
        line(request__path="transit/keys/dangan-core/trim")
        + line(request__path="transit/keys/dangan-core", request__operation="read")
        + line(request__path="transit/encrypt/dangan-core")
        + line(request__path="sys/audit/test", auth={"policy_results": {"allowed": True}})
        + line(request__path="sys/audit/file", request__operation="delete")
        + line(request__path="transit/export/encryption-key/dangan-core", request__operation="read")
        + line(error="1 error occurred", auth__policy_results={"allowed": False})
        + line(auth__policies=["default", "dangan-sweeper"])
        + line(auth__policies=["dangan-sweeper", "dangan-worker"])
        + broken
    )
    read = 0

    def advance(done: int) -> None:
        nonlocal read
        read += done

    files = [tmp_path / "audit.log.1.gz", tmp_path / "audit.log"]
    calls = list(calls_in(files, "transit", advance))
    assert [(one.kind, one.operation, one.key, one.items) for one in calls] == [
        ("unwrap", "decrypt", "dangan-basic", 2),
        ("move", "trim", "dangan-core", 2),
        ("guard", "delete", "", 2),
        ("take", "export", "dangan-core", 2),
        *[("unwrap", "decrypt", "dangan-basic", 2)] * 3,
    ]
    assert [one.role for one in calls[-3:]] == ["worker", "sweeper", ""]
    assert [one.allowed for one in calls[-3:]] == [False, True, True]
    assert calls[0].at_ms == 1795366976833
    assert calls[0].accessor == "9fb5256b27e0ddb9"
    assert read == sum(path.stat().st_size for path in files)


@pytest.mark.parametrize("content", [b"no log\n", gzip.compress(b"{}", mtime=0)[:-9]], ids=["text", "cut"])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ("a.gz" if content.startswith(b"\x1f") else "a.log")
    file.write_bytes(content)
    with pytest.raises(DanganError, match="DG-AUD-061"):
        list(calls_in([file], "transit"))


@pytest.mark.clause("SEC-12")
def test_alerts_have_the_same_ids_in_every_run_and_no_values() -> None:
    findings = [Finding(kind, NOW * 1000, "transit/decrypt/x", "who", "9fb5", "10.0.0.7", 1) for kind in MEANINGS]
    first, again = alerts_of(findings), alerts_of(findings)
    assert [one.uid for one in first] == [one.uid for one in again]
    assert len({one.uid for one in first}) == len(MEANINGS)
    for alert in first:
        event = orjson.loads(alert.ocsf())
        assert event["class_uid"] == 2004
        assert event["finding_info"]["analytic"]["uid"].startswith("vault-")
    assert SKEW_S < WINDOW
