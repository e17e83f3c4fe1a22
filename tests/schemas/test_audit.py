"""OCSF events: what OCSF demands is there, what is personal never is."""

from __future__ import annotations

import uuid

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.audit import CLOSING, Action, Fact, event_id, ocsf
from schemas.errors import TEXTS
from schemas.levels import Level

# Attributes that OCSF 1.6.0 requires, by class: github.com/ocsf/ocsf-schema, tag 1.6.0,
# events/base_event.json, events/application/datastore_activity.json, events/iam/entity_management.json,
# objects/metadata.json, objects/database.json.
REQUIRED = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
REQUIRED_BY_CLASS = {6005: REQUIRED | {"actor", "src_endpoint"}, 3004: REQUIRED | {"entity"}}
ACTIVITIES = {6005: set(range(1, 11)) | {99}, 3004: set(range(1, 14)) | {99}}

ACTIONS: tuple[Action, ...] = Action.__args__  # type: ignore[attr-defined]
REFERENCES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}", fullmatch=True)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,47}", fullmatch=True)


@st.composite
def facts(draw: st.DrawFn, action: Action | None = None) -> Fact:
    """Any fact that the schema of commands lets through."""
    allowed = draw(st.booleans())
    return Fact(
        command_id=str(uuid.UUID(int=draw(st.integers(0, 2**128 - 1)))),
        action=action or draw(st.sampled_from(ACTIONS)),
        allowed=allowed,
        code=draw(st.sampled_from([None, "DG-CMD-002"] if allowed else sorted(TEXTS))),
        actor=draw(st.none() | REFERENCES),
        at_ms=draw(st.integers(0, 2**45)),
        record=draw(st.none() | REFERENCES),
        subject=draw(st.none() | REFERENCES),
        fields=tuple(draw(st.lists(NAMES, max_size=4))),
        level=draw(st.none() | st.sampled_from(Level)),
        purpose=draw(st.none() | NAMES),
        grant=draw(st.none() | REFERENCES),
        bundle=draw(st.none() | REFERENCES),
        version=draw(st.none() | st.integers(1, 10**6)),
        approvers=tuple(draw(st.lists(REFERENCES, max_size=2))),
        topic=draw(st.none() | st.just("archive.access")),
        partition=draw(st.integers(0, 99)),
        offset=draw(st.integers(0, 2**62)),
    )


@given(facts())
@settings(max_examples=40)
def test_an_event_has_what_its_ocsf_class_requires(fact: Fact) -> None:
    text = ocsf(fact, event_id(fact))
    event = orjson.loads(text)
    uid = event["class_uid"]
    assert set(event) >= REQUIRED_BY_CLASS[uid]
    assert event["activity_id"] in ACTIVITIES[uid]
    assert event["category_uid"] == uid // 1000
    assert event["type_uid"] == uid * 100 + event["activity_id"]
    assert event["severity_id"] in range(7)
    assert event["status_id"] == (1 if fact.allowed else 2)
    assert set(event["metadata"]) >= {"product", "version", "uid"}
    assert event["metadata"]["product"]["name"]
    assert set(event["actor"]["user"]) & {"uid", "name"}
    if uid == 6005:
        assert event["database"]["type_id"] == 6
        assert set(event["src_endpoint"]) & {"svc_name", "uid"}
    else:
        assert event["entity"]["uid"]
    assert text.endswith(CLOSING)
    assert b"\n" not in text


@given(facts())
@settings(max_examples=40)
def test_an_event_says_who_what_which_fields_and_why(fact: Fact) -> None:
    event = orjson.loads(ocsf(fact, event_id(fact)))
    own = event["unmapped"]["dangan"]
    assert own["command"] == fact.command_id
    assert own["action"] == fact.action
    assert own.get("fields", []) == list(fact.fields)
    assert own.get("purpose") == fact.purpose
    assert own.get("grant") == fact.grant
    assert own.get("approvers", []) == list(fact.approvers)
    assert event.get("status_code") == fact.code
    assert event["actor"]["user"].get("uid") == fact.actor


@given(facts())
@settings(max_examples=40)
def test_the_id_is_a_version_5_uuid_of_command_action_record_and_outcome(fact: Fact) -> None:
    uid = uuid.UUID(event_id(fact))
    assert uid.version == 5
    assert uid.variant == uuid.RFC_4122
    elsewhere = Fact(
        fact.command_id, fact.action, fact.allowed, fact.code, fact.actor, 7, fact.record, partition=9, offset=9
    )
    assert event_id(elsewhere) == event_id(fact)
    refused = Fact(fact.command_id, fact.action, not fact.allowed, fact.code, "other", 7, fact.record)
    assert event_id(refused) != event_id(fact)


def test_the_id_is_what_python_s_uuid5_gives() -> None:
    fact = Fact("c", "access", True, None, "a", 1, "r")
    space = uuid.UUID("3b0d2f6c-8a5e-4d17-b1c9-e07f5a2246d8")
    assert event_id(fact) == str(uuid.uuid5(space, "c\na\naccess\nr\n\n1"))


@given(facts())
@settings(max_examples=40)
def test_an_identifier_refused_as_personal_data_never_stands_in_the_event(fact: Fact) -> None:
    refused = Fact(fact.command_id, "collect", False, "DG-COL-007", "sys.crm", fact.at_ms, "13800138000", "13900139000")
    text = ocsf(refused, event_id(refused))
    assert b"13800138000" not in text
    assert b"13900139000" not in text


def test_an_event_that_stands_for_several_messages_counts_them() -> None:
    several = Fact("archive.collect/0/5-19", "collect", False, "DG-WIR-003", None, 1, count=15)
    event = orjson.loads(ocsf(several, event_id(several)))
    assert (event["count"], event["unmapped"]["dangan"]["command"]) == (15, "archive.collect/0/5-19")
    assert "count" not in orjson.loads(ocsf(Fact("c", "collect", False, "DG-WIR-003", None, 1), "u"))


def test_a_fact_has_no_place_for_a_value() -> None:
    names = set(Fact.__slots__)
    assert not names & {"value", "values", "message", "detail", "reason", "payload", "body"}


@pytest.mark.parametrize(("action", "class_uid"), [("access", 6005), ("destroy", 6005), ("approve", 3004)])
def test_data_commands_are_datastore_activity_and_approvals_entity_management(action: Action, class_uid: int) -> None:
    fact = Fact("c", action, True, None, "a", 1)
    assert orjson.loads(ocsf(fact, event_id(fact)))["class_uid"] == class_uid


def test_a_refused_read_is_more_severe_than_an_allowed_one() -> None:
    refused = Fact("c", "access", False, "DG-ACC-001", "a", 1)
    event = orjson.loads(ocsf(refused, event_id(refused)))
    assert event["severity_id"] == 3
    assert event["status_detail"] == TEXTS["DG-ACC-001"].sentence


def test_an_operators_event_says_which_deed_and_a_grants_who_may_read_what() -> None:
    place, lift = (Fact("c", "hold", True, None, "ops:1", 1, "rec-1", verb=verb) for verb in ("place", "lift"))
    assert orjson.loads(ocsf(place, "u"))["unmapped"]["dangan"]["verb"] == "place"
    assert ocsf(place, "u") != ocsf(lift, "u")
    given = Fact(
        "c", "grant", True, None, "ops:1", 1, grant="g", fields=("name", "phone"), purpose="service",
        verb="give", reader="staff:1", clear=("phone",), digest="0" * 64,
    )  # fmt: skip
    own = orjson.loads(ocsf(given, "u"))["unmapped"]["dangan"]
    assert own == {
        "command": "c", "action": "grant", "grant": "g", "verb": "give", "reader": "staff:1", "purpose": "service",
        "fields": ["name", "phone"], "clear": ["phone"], "digest": "0" * 64,
    }  # fmt: skip
