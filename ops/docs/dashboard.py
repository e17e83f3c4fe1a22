"""Makes the Grafana dashboard: ``python -m ops.docs.dashboard policies/observability/dashboard.json``.

A dashboard is some hundred lines of JSON for a few lines of meaning; the meaning is the table below.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple


class Panel(NamedTuple):
    """One panel: its title, what it shows (legend -> expression), the unit, and how many of 24 columns it takes."""

    title: str
    shows: dict[str, str]
    unit: str = "short"
    width: int = 8
    kind: str = "timeseries"


def _quantile(of: str, metric: str, by: str) -> str:
    return f"histogram_quantile({of}, sum by (le, {by}) (rate({metric}_bucket[5m])))"


PANELS: Final = (
    Panel(
        "Commands a second",
        {"{{family}} {{outcome}}": "sum by (family, outcome) (rate(dangan_commands_total[5m]))"},
        "ops",
    ),
    Panel(
        "Refusals by code",
        {"{{code}}": 'sum by (code) (rate(dangan_commands_total{outcome="refused"}[5m]))'},
        "ops",
    ),
    Panel("Lag", {"{{topic}}": "sum by (topic) (dangan_consumer_lag)"}),
    Panel("A batch, 99th percentile", {"{{stage}}": _quantile("0.99", "dangan_stage_seconds", "stage")}, "s"),
    Panel("A batch, median", {"{{stage}}": _quantile("0.5", "dangan_stage_seconds", "stage")}, "s"),
    Panel(
        "Until an audit event is durable",
        {
            "99 %": "histogram_quantile(0.99, sum by (le) (rate(dangan_audit_publish_seconds_bucket[5m])))",
            "50 %": "histogram_quantile(0.5, sum by (le) (rate(dangan_audit_publish_seconds_bucket[5m])))",
        },
        "s",
    ),
    Panel(
        "Commands in a batch",
        {
            "{{family}}": "sum by (family) (rate(dangan_batch_commands_sum[5m])) "
            "/ sum by (family) (rate(dangan_batch_commands_count[5m]))"
        },
    ),
    Panel(
        "Messages in a batch",
        {
            "{{family}}": "sum by (family) (rate(dangan_batch_messages_sum[5m])) "
            "/ sum by (family) (rate(dangan_batch_messages_count[5m]))"
        },
    ),
    Panel("Audit events a second", {"events": "sum(rate(dangan_audit_events_total[5m]))"}, "ops"),
    Panel(
        "Key cache: found in memory",
        {"hits": 'sum(rate(dangan_key_cache_total{result="hit"}[5m])) / sum(rate(dangan_key_cache_total[5m]))'},
        "percentunit",
    ),
    Panel("Page keys in memory", {"{{instance}}": "dangan_key_cache_pages"}),
    Panel(
        "Calls to Vault a second", {"{{operation}}": "sum by (operation) (rate(dangan_vault_calls_total[5m]))"}, "ops"
    ),
    Panel("Repeated attempts", {"{{stage}} {{code}}": "sum by (stage, code) (increase(dangan_retries_total[5m]))"}),
    Panel("Unreadable messages", {"{{code}}": "sum by (code) (increase(dangan_dead_letters_total[5m]))"}),
    Panel("Dead letters waiting", {"letters": "dangan_dead_letters_waiting"}, width=8, kind="stat"),
    Panel("Since a root was swept", {"{{root}}": "dangan_sweep_age_seconds"}, "s"),
    Panel("Unfinished sweeps", {"{{root}}": "dangan_sweep_unfinished_seconds"}, "s"),
    Panel("Destruction ledger", {"{{state}}": "dangan_ledger_entries"}),
    Panel("Oldest entry of the ledger", {"{{state}}": "dangan_ledger_oldest_seconds"}, "s"),
    Panel("Past their deadline", {"{{kind}}": "dangan_overdue_items"}, kind="stat"),
    Panel("Oldest that waits", {"{{kind}}": "dangan_oldest_waiting_seconds"}, "s"),
    Panel("Since a good backup", {"{{kind}}": "dangan_backup_age_seconds"}, "s", kind="stat"),
    Panel("Since a checkpoint was kept", {"checkpoint": "dangan_checkpoint_age_seconds"}, "s", kind="stat"),
    Panel(
        "Since the archive was read",
        {"{{source}}": "dangan_observe_age_seconds", "failures": "sum(increase(dangan_observe_failures_total[1h]))"},
        "s",
    ),
    Panel(
        "What runs", {"{{version}} on Python {{python}}": "count by (version, python) (dangan_build_info)"}, kind="stat"
    ),
)
_HEIGHT: Final = 8


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it; the data source is asked for at the import."""
    panels, x, y = [], 0, 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > 24:
            x, y = 0, y + _HEIGHT
        panels.append(_panel(number, panel, x, y))
        x += panel.width
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "pluginId": "prometheus"}],
        "uid": "dangan",
        "title": "dangan 档案",
        "tags": ["dangan"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    }


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "datasource": source,
        "gridPos": {"h": _HEIGHT, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": source, "expr": expression, "legendFormat": legend}
            for at, (legend, expression) in enumerate(panel.shows.items())
        ],
    }


def render() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), "utf-8")
