"""docs/wire.md and docs/asyncapi.yaml say what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ops.docs import asyncapi
from ops.publish.mapping import load_mapping
from schemas import commands, intake, members, topics, wire
from schemas.errors import TEXTS
from schemas.replies import Reply, Result
from streams import compact, envelope, reply_envelope
from tests.vectors import bundles, make

ROOT = Path(make.__file__).parents[2]
WIRE = (ROOT / "docs" / "wire.md").read_text("utf-8")
WORDS = set(re.findall(r"`([^`\n]+)`", WIRE))


def test_the_asyncapi_document_is_fresh() -> None:
    path = ROOT / "docs" / "asyncapi.yaml"
    assert path.read_text("utf-8") == asyncapi.text(), "python -m ops.docs.asyncapi docs/asyncapi.yaml"


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load(asyncapi.text())
    found = 0

    def walk(node: Any) -> None:
        nonlocal found
        for name, child in node.items() if isinstance(node, dict) else enumerate(node):
            if name == "$ref":
                target = document
                for step in child.removeprefix("#/").split("/"):
                    target = target[step]
                found += 1
            elif isinstance(child, dict | list):
                walk(child)

    walk(document)
    assert found > 20


def test_every_topic_of_this_wire_is_a_channel() -> None:
    addresses = {channel["address"] for channel in asyncapi.document()["channels"].values()}
    outs = {topics.REPLIES, topics.DEAD_LETTERS, topics.KEYS, topics.AUDIT, topics.ALERTS}
    ours = {*map(wire.topic_of, wire.FAMILIES), *outs}
    assert addresses == ours
    assert all(f"`{address}`" in WIRE for address in ours)


def test_wire_md_names_every_code_of_the_wire() -> None:
    for code in TEXTS:
        family, _, number = code.rpartition("-")
        if family in {"DG-WIR", "DG-PUB"}:
            ranged = family == "DG-WIR" and int(number) <= 15
            assert code in WIRE or ranged, code
    checks = WIRE[WIRE.index("## 5.") : WIRE.index("## 6.")]
    assert {f"DG-WIR-{number:03}" for number in range(1, 16)} == set(re.findall(r"DG-WIR-\d{3}", checks))
    assert set(re.findall(r"DG-(?:WIR|PUB)-\d{3}", WIRE)) <= TEXTS.keys()


def test_wire_md_names_every_header_member_and_word() -> None:
    headers = {name for name in dir(wire) if name.startswith(("HEADER_", "TYP_", "JWE_", "JWS_"))}
    assert {getattr(wire, name) for name in headers} <= WORDS
    signed = envelope._BUNDLE_MEMBERS | reply_envelope._MEMBERS | compact._JWE_MEMBERS
    assert signed <= WORDS
    types = get_args(get_args(commands.Command)[0])
    models = [*types, *(model for model in vars(intake).values() if hasattr(model, "model_fields"))]
    members = {name for model in models for name in model.model_fields}
    assert not {name for name in members if name not in WORDS and f"intake.{name}" not in WORDS}
    assert set(Result.__slots__) | set(Reply.__slots__) <= WORDS | {"results"}
    table = WIRE[WIRE.index("## 6.") : WIRE.index("### The circumstances")]
    assert {get_args(model.model_fields["type"].annotation)[0] for model in types} == set(wire.FAMILY_OF)
    assert all(f"`{kind}`" in table for kind in wire.FAMILY_OF)


@pytest.mark.parametrize(
    "limit",
    [
        wire.WireLimits().max_value,
        wire.WireLimits().max_age,
        wire.WireLimits().max_ahead,
        wire.MAX_PROTECTED,
        wire.MAX_REPLY_PROTECTED,
        wire.BUNDLE_BYTES,
        wire.BUNDLE_COMMANDS,
        members.MAX_COMMANDS,
        members.MAX_TEXT,
        members.MAX_FIELDS,
        topics.MAX_MESSAGE_BYTES,
        wire.MAX_HEADERS,
        wire.MAX_HEADER_BYTES,
    ],
)
def test_wire_md_names_every_limit(limit: int) -> None:
    assert re.search(rf"\b{limit}\b", WIRE)


def test_the_worked_example_is_the_vector() -> None:
    case = json.loads((ROOT / "tests" / "vectors" / "bundles.json").read_text("utf-8"))["cases"][0]
    shown = dict(re.findall(r"^([A-Za-z ]+?)  +(\S.*)$", WIRE[WIRE.index("### Worked example") :], re.MULTILINE))
    sealed = compact.parse_sealed(case["value"].encode(), typ=wire.TYP_BUNDLE_JWE, max_protected=1024)
    jws = compact.unseal(sealed, bundles.INGEST.private)
    header, payload, signature = jws.split(b".")
    wrapping_key = compact._derive(bundles.INGEST.private, bundles.SECRETS.ephemeral.public_key())
    shared = bundles.INGEST.private.exchange(bundles.SECRETS.ephemeral.public_key())
    digest = sha256(case["value"].encode()).hexdigest()
    assert shown["payload"] == compact.unb64(payload).decode()
    assert shown["JWS header"] == compact.unb64(header).decode()
    assert shown["JWS signature"] == signature.decode()
    assert shown["JWE header"] == compact.unb64(sealed.protected).decode()
    assert shown["shared secret"] == shared.hex()
    assert shown["wrapping key"] == wrapping_key.hex()
    assert shown["ephemeral d"] == case["secrets"]["ephemeral_d"]
    assert shown["content key"] == case["secrets"]["content_key"]
    assert shown["IV"] == case["secrets"]["iv"]
    assert shown["value"] == f"{len(case['value'])} bytes, SHA-256 {digest}"


def test_the_mapping_file_shown_can_be_used(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", WIRE, re.DOTALL)
    assert tomllib.loads(shown)
    (tmp_path / "map.toml").write_text(shown, "utf-8")
    assert load_mapping(tmp_path / "map.toml", {}).columns["客户姓名"] == "name"
