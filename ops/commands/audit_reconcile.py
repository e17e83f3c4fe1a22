"""``dangan audit reconcile``: Vault's own audit log against our audit stream."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ops.commands.audit_view import since_ms
from ops.config import load_settings
from ops.printable import plain
from schemas.settings import Settings
from streams.kafka import kafka_of

if TYPE_CHECKING:  # loaded by the command: verifying a file needs none of it
    from ops.detect.alerts import Alert
    from ops.reconcile.compare import Report


def add(audit: typer.Typer) -> None:
    """Add the command to ``dangan audit``."""
    audit.command()(reconcile)


def reconcile(
    vault_log: Annotated[
        list[Path], typer.Option(help="Vault's audit log; several by repeating, rotated ones first; .gz is read too.")
    ],
    *,
    since: Annotated[str, typer.Option(help="Calls from then on: 10m, 2h, 3d, an ISO time, or start.")] = "1d",
    window: Annotated[
        int, typer.Option(min=1, max=3600, help="Seconds within which a call's event must follow; newer calls wait.")
    ] = 60,
    files: Annotated[
        list[Path] | None, typer.Option("--in", help="Exports instead of the topic; several by repeating.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, put no alert on the topic.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation.")] = None,
) -> None:
    """Hold every unwrap, rewrap, rotation and trim in Vault's log against what the audit stream tells of it.

    What does not fit goes to the topic archive.alerts: keys unwrapped with no event of ours, moved outside a sweep,
    used by a token that is none of ours, taken out, or refused; and reads for which nothing was unwrapped. Exit status
    1 when there is any. Verify the stream itself with dangan audit verify.
    """
    settings = load_settings(home)
    now = time.time()
    begin, end = since_ms(since, now) or 0, int((now - window) * 1000)
    report = asyncio.run(_compared(settings, vault_log, files, (begin, end), window))
    alerts = asyncio.run(_told(settings, report, publishing=not dry_run and not files))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(_as_dict(report, alerts)) + b"\n")
    else:
        _show(report, alerts)
    if report.findings:
        raise typer.Exit(1)


async def _compared(
    settings: Settings, logs: Sequence[Path], files: Sequence[Path] | None, span: tuple[int, int], window: int
) -> Report:
    from ops.reconcile.compare import Comparison  # noqa: PLC0415 - see above
    from ops.reconcile.source import told_in, told_on_topic  # noqa: PLC0415
    from ops.reconcile.vault_log import calls_in  # noqa: PLC0415

    begin, end = span
    told = told_in(files) if files else await told_on_topic(kafka_of(settings), begin)
    comparison = Comparison(told, since_ms=begin, until_ms=end, window_s=window)
    comparison.feed(calls_in(logs, settings.transit_mount))
    return comparison.finish()


async def _told(settings: Settings, report: Report, *, publishing: bool) -> list[Alert]:
    from ops.detect.source import known_alerts, publish  # noqa: PLC0415 - see above
    from ops.reconcile.alarms import alerts_of  # noqa: PLC0415

    alerts = alerts_of(report.findings)
    if publishing and alerts:
        known = await known_alerts(kafka_of(settings))
        await publish(kafka_of(settings), [alert for alert in alerts if alert.uid not in known])
    return alerts


def _as_dict(report: Report, alerts: Sequence[Alert]) -> dict[str, object]:
    return {
        "reconciled": not report.findings,
        "calls": report.calls,
        "unwraps": report.unwraps,
        "events": report.events,
        "too_new": report.too_new,
        "findings": [one._asdict() | {"alert": alert.uid} for one, alert in zip(report.findings, alerts, strict=True)],
        "more_findings": report.more,
    }


def _show(report: Report, alerts: Sequence[Alert]) -> None:
    console = Console()
    if report.findings:
        table = Table("when", "severity", "what", "who", "items", title="What does not fit")
        for one, alert in zip(report.findings, alerts, strict=True):
            at = datetime.fromtimestamp(one.at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(at, alert.rule.severity, *map(plain, (alert.rule.title, alert.key)), str(one.items))
        console.print(table)
        if report.more:
            console.print(f"... and {report.more} more")
    console.print(
        f"{report.calls} calls with {report.unwraps} unwraps against {report.events} events: "
        f"{len(report.findings) or 'no'} findings; {report.too_new} calls are too new to be judged",
        highlight=False,
    )
