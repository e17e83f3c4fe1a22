"""Whatever a sender or a requester writes, the terminal shows it as text."""

from __future__ import annotations

import io
import json
import unicodedata
import uuid
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.cli import tell
from ops.commands import approve, reading
from ops.printable import plain, printable
from ops.private_files import write_private
from schemas.commands import Destroy
from schemas.errors import DanganError
from schemas.replies import Result

ESC, OVERRIDE = "\x1b", "\u202e"
HOSTILE = f"[red]closed[/red] [link=x]y {ESC}[2J{ESC}]0;x\x07 {OVERRIDE}abc \r\ndone \u2066x \u200b"


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(st.text(max_size=40))
def test_no_text_is_read_as_markup(text: str) -> None:
    console = Console(file=io.StringIO(), width=1000, color_system="truecolor", force_terminal=True, highlight=False)
    console.print(plain(f"[bold]{text}[/]"), soft_wrap=True)
    assert console.file.getvalue() == f"[bold]{printable(text)}[/]\n"  # type: ignore[attr-defined]


def a_request(count: int = 60, reason: str = HOSTILE) -> dict[str, object]:
    records = [f"rec-{number:04}" for number in range(count)]
    return {"id": str(uuid.uuid4()), "records": records, "ground": "expired", "reason": reason}


def shown_request(requester: str = "staff:1") -> str:
    console = Console(file=io.StringIO(), width=100, color_system="truecolor", force_terminal=True)
    command = Destroy.model_validate({**a_request(), "type": "destroy", "approvals": ()})
    approve.show_request(console, command, requester)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_an_approver_sees_every_record_and_the_reason_as_it_is_written() -> None:
    shown = shown_request()
    assert all(f"rec-{number:04}" in shown for number in range(60))
    assert "[red]closed[/red] [link=x]y" in shown
    for sequence in (f"{ESC}[2J", f"{ESC}]", OVERRIDE, "\x07", "\r", "\u2066", "\u200b"):
        assert sequence not in shown
    assert ESC not in shown_request(f"staff:{ESC}[8m1").split("requested by")[1].splitlines()[0]


def test_a_long_id_is_shown_whole_on_a_narrow_terminal() -> None:
    console = Console(file=io.StringIO(), width=40)
    record = "r-" + "0123456789abcdef" * 3
    parts = {**a_request(), "records": [record], "type": "destroy", "approvals": ()}
    approve.show_request(console, Destroy.model_validate(parts), "staff:1")
    rows = console.file.getvalue().split("digest")[0]  # type: ignore[attr-defined]
    assert record in "".join(char for char in rows if char in "r-0123456789abcdef")


def test_the_approve_command_lists_the_records(tmp_path: Path) -> None:
    app = typer.Typer()
    approve.register(app)
    key, file = tmp_path / "a.key.json", tmp_path / "request.json"
    write_private(key, dump_keys(PrincipalKeys.generate("staff:4001"), None))
    file.write_text(json.dumps(a_request(3)))
    result = CliRunner().invoke(app, ["approve", str(file), "--requester", "staff:1", "--key", str(key)])
    assert result.exit_code == 0
    assert all(f"rec-{number:04}" in result.stderr for number in range(3))
    assert ESC not in result.output
    assert len(result.stdout.strip().split(".")) == 3


def test_answered_values_are_shown_as_text() -> None:
    console = Console(file=io.StringIO(), width=200)
    values = {"name": HOSTILE, "city": "[bold]Suzhou[/]"}
    answer = Result(id=str(uuid.uuid4()), status="accepted", version=1, values=values)  # type: ignore[arg-type]
    console.print(reading._values("rec-1", answer))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]closed[/red]" in shown
    assert "[bold]Suzhou[/]" in shown
    assert not {ESC, OVERRIDE, "\x07", "\r"} & set(shown)


def test_an_errors_detail_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    tell(DanganError("DG-OPS-031", field=f"{ESC}[2J", detail=HOSTILE))
    shown = capsys.readouterr().err
    assert "[red]closed[/red]" in shown
    assert not {ESC, OVERRIDE, "\x07", "\r"} & set(shown)
