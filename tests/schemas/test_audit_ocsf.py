"""Every event passes the schema that OCSF publishes for its class, at the version it claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.docs.audit_events import ACTIONS, examples, text
from schemas.audit import OCSF_VERSION, Fact, event_id, ocsf
from schemas.errors import TEXTS
from schemas.levels import Level
from tests.schemas.ocsf_schema import CLASSES, SCHEMA, faults

REFERENCES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}", fullmatch=True)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,47}", fullmatch=True)
FACTS = st.builds(
    Fact,
    command_id=st.uuids().map(str),
    action=st.sampled_from(ACTIONS),
    allowed=st.booleans(),
    code=st.none() | st.sampled_from(sorted(TEXTS)),
    actor=st.none() | REFERENCES,
    at_ms=st.integers(0, 2**45),
    record=st.none() | REFERENCES,
    subject=st.none() | REFERENCES,
    fields=st.lists(NAMES, max_size=4).map(tuple),
    level=st.none() | st.sampled_from(Level),
    purpose=st.none() | NAMES,
    grant=st.none() | REFERENCES,
    bundle=st.none() | REFERENCES,
    version=st.none() | st.integers(1, 10**6),
    approvers=st.lists(REFERENCES, max_size=2).map(tuple),
    topic=st.none() | st.just("archive.access"),
    partition=st.integers(0, 99),
    offset=st.integers(0, 2**62),
    verb=st.none() | st.just("register"),
    roles=st.lists(NAMES, max_size=2).map(tuple),
    count=st.integers(1, 500),
)


def test_the_schema_is_that_of_the_version_the_events_claim() -> None:
    assert SCHEMA["version"] == OCSF_VERSION
    assert set(CLASSES) == {6005, 3004, 2004}


@pytest.mark.slow
@pytest.mark.clause("AUD-01")
@given(FACTS, st.none() | st.just("eyJ.cert.sig"))
@settings(max_examples=150)
def test_any_event_passes_the_published_schema(fact: Fact, cert: str | None) -> None:
    assert faults(orjson.loads(ocsf(fact, event_id(fact), cert))) == []


@pytest.mark.clause("AUD-01", "AUD-02")
@pytest.mark.parametrize(("name", "value"), examples(), ids=lambda one: one if isinstance(one, str) else "")
def test_each_example_of_the_documentation_passes(name: str, value: bytes) -> None:
    assert faults(orjson.loads(value)) == [], name


def test_every_action_has_its_example() -> None:
    shown = {orjson.loads(value)["unmapped"]["dangan"]["action"] for _, value in examples()}
    assert shown == set(ACTIONS)


EVENT: dict[str, Any] = orjson.loads(examples()[0][1])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"class_uid": 6999}, "no such class"),
        ({"activity_id": 77}, "event.activity_id is none"),
        ({"activity_name": "Peek"}, "event.activity_name is not the caption"),
        ({"type_uid": 1}, "event.type_uid is none"),
        ({"time": "now"}, "event.time is not integer"),
        ({"severity_id": True}, "event.severity_id is not integer"),
        ({"colour": 1}, "event.colour is not known"),
        ({"actor": {}}, "event.actor has none"),
        ({"database": {"name": "x"}}, "event.database.type_id is missing"),
        ({"metadata": {"version": "1.6.0"}}, "event.metadata.product is missing"),
        ({"src_endpoint": {"port": 70000, "uid": "x"}}, "event.src_endpoint.port is out of range"),
        ({"src_endpoint": {"ip": "home"}}, "event.src_endpoint.ip has another form"),
    ],
)
def test_what_ocsf_does_not_take_is_found(change: dict[str, Any], fault: str) -> None:
    assert faults(EVENT) == []
    assert any(found.startswith(fault) for found in faults({**EVENT, **change})), faults({**EVENT, **change})


def test_an_event_that_lacks_what_is_required_is_found() -> None:
    for name in CLASSES[6005]["required"]:
        lacking = {key: value for key, value in EVENT.items() if key != name}
        assert faults(lacking)


def test_the_page_of_examples_is_not_stale() -> None:
    page = Path(__file__).parents[2] / "docs" / "audit-events.md"
    assert page.read_text("utf-8") == text(), "run: python -m ops.docs.audit_events docs/audit-events.md"
