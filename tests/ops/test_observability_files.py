"""Dashboard, alert rules and docs name the metrics that the code exports, with the labels that they have.

This is no parser of PromQL: names, labels, functions, aggregations and brackets are compared. promtool was not there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from ops.docs.dashboard import render
from ops.observe.gauges import ArchiveGauges
from streams.observe.meters import Meters
from streams.observe.state import WorkerState

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies" / "observability"
FUNCTIONS = {
    "sum", "min", "max", "count", "avg", "rate", "increase", "deriv", "absent", "histogram_quantile", "by", "on", "and",
}  # fmt: skip
#: What Prometheus itself adds when it scrapes.
SCRAPED = {"job", "instance"}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def exported() -> dict[str, set[str]]:
    """Every sample's name and its labels."""
    registries: list[CollectorRegistry] = [Meters().registry, ArchiveGauges(lambda: 0.0).registry]

    class Ring:
        cache_hits = cache_misses = cached_pages = 0

    registries[0].register(WorkerState({}, Ring(), list))
    found: dict[str, set[str]] = {}
    for registry in registries:
        for collector in registry._collector_to_names:
            for family in collector.collect():
                labels = set(getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ()))
                endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
                for ending in endings:
                    found[family.name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


EXPORTED = exported()


def documented() -> dict[str, set[str]]:
    """Every metric of the tables in docs/observability.md; a histogram by its stem."""
    found = {}
    for line in (ROOT / "docs" / "observability.md").read_text("utf-8").splitlines():
        cells = line.split("|")
        if len(cells) > 3 and cells[1].strip().startswith("`dangan_"):
            for name in re.findall(r"`(dangan_\w+)`", cells[1]):
                found[name] = set(re.findall(r"`(\w+)`", cells[2]))
    return found


def expressions() -> list[tuple[str, str]]:
    panels = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
    shown = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"]
    return shown + [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


def faults(expression: str) -> list[str]:
    """What is wrong with an expression, as far as names and brackets go."""
    found: list[str] = []
    selectors = re.findall(r"(\w+)\s*\{([^}]*)\}", expression)
    used = set(re.findall(r"\bdangan_\w+", expression))
    found += [f"{name} is not exported" for name in used - EXPORTED.keys()]
    labels = set().union(*(EXPORTED.get(name, set()) for name in used)) | SCRAPED
    for name, matchers in selectors:
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            if label not in EXPORTED.get(name, set()) | SCRAPED:
                found.append(f"{name} has no label {label}")
    bare = re.sub(r'"[^"]*"', '""', expression)
    for names in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", bare):
        found += [f"no metric here has the label {one}" for one in NAME.findall(names) if one not in labels]
    found += [f"no function {name}" for name in re.findall(r"([a-z_]+)\s*\(", bare) if name not in FUNCTIONS]
    stack: list[str] = []
    for mark in re.sub(r'""', "", bare):
        if mark in "([{":
            stack.append(mark)
        elif mark in ")]}" and (not stack or stack.pop() + mark not in ("()", "[]", "{}")):
            found.append("brackets do not fit")
            break
    if stack:
        found.append("a bracket is left open")
    ranged = re.findall(r"\b(?:rate|increase|deriv)\(([^()]*)\)", bare)
    found += [f"no range in {one}" for one in ranged if not re.search(r"\[\d+[smhdw]\]", one)]
    for name in re.findall(r"\b(?:rate|increase)\((dangan_\w+)", bare):
        found += [f"{name} is no counter"] if not name.endswith(("_total", "_bucket", "_sum", "_count")) else []
    return found


@pytest.mark.parametrize(("title", "expression"), expressions(), ids=lambda one: str(one)[:40])
def test_an_expression_names_what_is_exported(title: str, expression: str) -> None:
    assert faults(expression) == [], title


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(dangan_comands_total[5m])",
        "sum by (colour) (dangan_consumer_lag)",
        'dangan_consumer_lag{colour="red"}',
        "rates(dangan_commands_total[5m])",
        "sum(rate(dangan_commands_total[5m])",
        "rate(dangan_commands_total)",
        "rate(dangan_consumer_lag[5m])",
        "sum(rate(dangan_commands_total[5m)])",
    ],
)
def test_the_check_finds_what_is_wrong(wrong: str) -> None:
    assert faults(wrong) != []


def test_the_docs_list_exactly_what_is_exported_with_its_labels() -> None:
    stems = {re.sub(r"_(bucket|sum|count)$", "", name): labels - {"le"} for name, labels in EXPORTED.items()}
    assert documented() == stems


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for _, text in expressions() for name in NAME.findall(text)}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in EXPORTED} <= shown


def test_the_dashboard_is_what_its_table_makes() -> None:
    assert (FOLDER / "dashboard.json").read_text("utf-8") == render()
    panels = json.loads(render())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))  # none on another
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    groups: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[mhd]", rule.get("for", "1m"))
