"""``dangan detect``: run the detection rules over the audit stream; alerts go to a topic, or only to the terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.audit_view import since_ms
from ops.config import load_settings
from ops.detect.alerts import Alert
from ops.detect.detector import Detector, lookback_ms
from ops.detect.rules import Rule, load_detections
from ops.detect.seen import Seen
from ops.detect.source import events_in, events_on_topic, follow, known_alerts, publish
from ops.printable import plain
from streams.kafka import Kafka, kafka_of

_COLOURS = {"low": "dim", "medium": "yellow", "high": "red", "critical": "bold red"}


def register(app: typer.Typer) -> None:
    """Add ``dangan detect`` to the program."""
    app.command()(detect)


def detect(
    *,
    since: Annotated[str, typer.Option(help="Alerts from then on: 10m, 2h, 3d, an ISO time, or start.")] = "1d",
    follow_on: Annotated[bool, typer.Option("--follow", help="Go on with what comes.")] = False,
    files: Annotated[
        list[Path] | None,
        typer.Option("--in", help="Look at exports instead of the topic; alerts are shown only. Repeat for several."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Folder of your own rules, *.yaml; by default those that come with dangan.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show alerts, put none on the topic.")] = False,
    list_rules: Annotated[bool, typer.Option("--list", help="Show the rules and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Each alert as it stands on the topic, one a line.")] = False,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation.")] = None,
) -> None:
    """Find misuse in the audit stream: volume, off-hours, decoys, refusals and then a grant, and more.

    Alerts go to the topic archive.alerts, each with its rule, severity and the ids of the events that show it. Running
    it again is safe: an alert has the same id however often it is found, and what was told is not told again.
    """
    known = load_detections(rules)
    if list_rules:
        _list(known)
        return
    now = time.time()
    begin = since_ms(since, now) or 0
    if files:
        _show(_found(known, events_in(files, max(0, begin - lookback_ms(known))), begin, None), as_json=as_json)
        return
    kafka = kafka_of(load_settings(home))
    try:
        asyncio.run(_watch(kafka, known, begin, follow_on=follow_on, told=not dry_run, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _found(rules: Sequence[Rule], events: Sequence[Seen], begin_ms: int, now_ms: int | None) -> list[Alert]:
    """The alerts of a history; ``now_ms`` ends what is awaited, by default with the last event."""
    detector = Detector(rules, since_ms=begin_ms)
    alerts = [alert for event in events for alert in detector.see(event)]
    end = now_ms if now_ms is not None else events[-1].at_ms if events else begin_ms
    return alerts + detector.due(end)


async def _watch(
    kafka: Kafka, rules: Sequence[Rule], begin: int, *, follow_on: bool, told: bool, as_json: bool
) -> None:
    early = max(0, begin - lookback_ms(rules))
    known = await known_alerts(kafka) if told else set()

    async def tell(alerts: Sequence[Alert]) -> None:
        new = [alert for alert in alerts if alert.uid not in known]
        if told:
            await publish(kafka, new)
            known.update(alert.uid for alert in new)
        _show(new, as_json=as_json, quiet=follow_on)

    if not follow_on:
        await tell(_found(rules, await events_on_topic(kafka, early), begin, int(time.time() * 1000)))
        return
    detector = Detector(rules, since_ms=begin)
    async for events in follow(kafka, early, time.time):
        alerts = [alert for event in events for alert in detector.see(event)]
        await tell([*alerts, *detector.due(int(time.time() * 1000))])


def _show(alerts: Sequence[Alert], *, as_json: bool, quiet: bool = False) -> None:
    if as_json:
        for alert in alerts:
            sys.stdout.write(alert.ocsf().decode() + "\n")
        sys.stdout.flush()
        return
    console = Console()
    if alerts:
        table = Table("when", "severity", "rule", "who or what", "why", "events", "alert")
        for alert in alerts:
            severity = f"[{_COLOURS[alert.rule.severity]}]{alert.rule.severity}[/]"
            at = datetime.fromtimestamp(alert.at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            cells = (alert.rule.id, alert.key, alert.rule.title)
            table.add_row(at, severity, *map(plain, cells), str(alert.total), alert.uid)
        console.print(table)
    if not quiet:
        console.print(f"{len(alerts) or 'no'} alerts", highlight=False)


def _list(rules: Sequence[Rule]) -> None:
    table = Table("rule", "severity", "condition", "title", "clauses")
    for rule in rules:
        severity = f"[{_COLOURS[rule.severity]}]{rule.severity}[/]"
        table.add_row(rule.id, severity, rule.condition.kind, plain(rule.title), " ".join(rule.clauses))
    Console().print(table)
