"""The command line tells errors in one way: code, sentence, next step; no traceback, no secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError
from typer.testing import CliRunner

from ops import cli
from ops.doctor import examine
from schemas.errors import DanganError


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["dangan", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_an_error_has_its_code_and_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state.json").write_text("{")
    assert _run(monkeypatch, "down", "--home", str(tmp_path)) == 1
    told = capsys.readouterr().err
    assert told.startswith("DG-OPS-016 The state file of the embedded services is unreadable.")
    assert "-> Stop the services by hand" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--lang", "zh"], {}),
        (["--lang", "zh-CN"], {"DANGAN_LANG": "en"}),
        ([], {"DANGAN_LANG": "zh"}),
        ([], {"DANGAN_LANG": "", "LC_ALL": "zh_CN.UTF-8"}),
        ([], {"DANGAN_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"}),
    ],
)
def test_an_error_is_told_in_the_terminals_language(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environ: dict[str, str],
) -> None:
    (tmp_path / "state.json").write_text("{")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert _run(monkeypatch, *arguments, "down", "--home", str(tmp_path)) == 1
    told = capsys.readouterr().err
    assert told.startswith("DG-OPS-016 内嵌服务的状态文件无法读取。")
    assert "-> 如服务正在运行，请手动停止" in told


def test_the_option_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state.json").write_text("{")
    monkeypatch.setenv("DANGAN_LANG", "zh")
    assert _run(monkeypatch, "--lang", "en", "down", "--home", str(tmp_path)) == 1
    assert "unreadable" in capsys.readouterr().err


def test_debug_shows_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.json").write_text("{")
    monkeypatch.setattr("sys.argv", ["dangan", "--debug", "down", "--home", str(tmp_path)])
    with pytest.raises(DanganError):
        cli.main()


@pytest.mark.parametrize(
    "arguments", [["up", "--with", "kafka,redis"], ["up", "--kafka", "real"], ["nothing"], ["--lang", "fr", "down"]]
)
def test_wrong_usage_is_status_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert _run(monkeypatch, *arguments) == 2


def test_down_where_nothing_was_started_makes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.build(), ["down", "--home", str(tmp_path / "none")])
    assert result.exit_code == 0
    assert "nothing was running" in result.output
    assert not (tmp_path / "none").exists()


def test_init_refuses_a_token_that_others_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("hvs.canary")
    token.chmod(0o644)
    assert _run(monkeypatch, "init", "--home", str(tmp_path), "--token-file", str(token)) == 1
    told = capsys.readouterr().err
    assert told.startswith("DG-OPS-020")
    assert "canary" not in told


def test_doctor_says_how_to_mend_what_does_not_answer(tmp_path: Path) -> None:
    lines = [
        'kafka_bootstrap = "127.0.0.1:9"',
        'mongo_uri = "mongodb://127.0.0.1:9"',
        'vault_addr = "http://127.0.0.1:9"',
    ]
    (tmp_path / "dangan.toml").write_text("\n".join(lines))
    result = CliRunner().invoke(cli.build(), ["doctor", "--home", str(tmp_path), "--json"])
    assert result.exit_code == 1
    findings = {finding["check"]: finding for finding in json.loads(result.output)}
    for check in ("Kafka", "MongoDB", "Vault"):
        assert findings[check]["verdict"] == "wrong"
        assert findings[check]["mend"].startswith("Start it")


def test_doctor_goes_on_where_settings_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGAN_VAULT_TOKEN", "hvs.canary")
    monkeypatch.setenv("DANGAN_KAFKA_BOOTSTRP", "typo")
    findings = {finding.check: finding for finding in examine(tmp_path)}
    assert findings["settings"].verdict == "wrong"
    assert "DG-OPS-012" in findings["settings"].found
    assert not any("canary" in finding.found + finding.mend for finding in findings.values())


def test_the_table_of_commands_says_what_each_module_registers() -> None:
    whole = typer.main.get_command(cli.build())
    alone = {name: typer.main.get_command(cli.build(name)) for names in cli._COMMANDS.values() for name in names}
    assert set(alone) == set(whole.commands)  # type: ignore[attr-defined]
    for module, names in cli._COMMANDS.items():
        for name in names:
            assert tuple(alone[name].commands) == names, module  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ""),
        (("--help",), ""),
        (("--help", "up"), ""),
        (("intake", "list"), "intake"),
        (("--debug", "--lang", "zh", "up"), "up"),
        (("--lang=zh", "up"), "up"),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(words: tuple[str, ...], found: str) -> None:
    assert cli._command(words) == found


def test_the_commands_about_the_audit_stream_start_without_a_database_or_kafka() -> None:
    """Verifying a file is all that most of them are started for: what it takes at start-up, E1 and E2 measure."""
    program = (
        "import sys; from ops.cli import build; build('audit'); "
        "loaded = {'pymongo', 'aiokafka', 'confluent_kafka'} & sys.modules.keys(); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("error", [ServerSelectionTimeoutError, AutoReconnect])
def test_a_database_that_does_not_answer_is_told_as_such(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask() -> None:
        raise error("db.example:27017: Connection refused")

    monkeypatch.setattr(cli, "build", lambda _command: ask)
    assert _run(monkeypatch, "use", "list") == 1
    told = capsys.readouterr().err
    assert told.startswith("DG-STO-001")
    assert "Traceback" not in told


def test_an_error_that_nobody_expected_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(cli, "build", lambda _command: fail)
    monkeypatch.setattr("sys.argv", ["dangan", "use", "list"])
    with pytest.raises(RuntimeError):
        cli.main()
