"""Parsing of verified payloads: one meaning, bounded work, no values in errors."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import DanganError, UnreadableMessage
from streams import bundle as module
from streams.bundle import check_command, parse_bundle

CANARY = "canary-7f3a91"
COMMAND: dict[str, Any] = {
    "type": "collect",
    "id": "0c5e1a4e-2f64-4d0a-8a55-3f3c6f0f9a01",
    "record": "crm:000017",
    "subject": "party:000009",
    "purpose": "account_service",
    "legal_basis": "contract",
    "fields": {"name": "测试", "balance": 12.5, "vip": True, "visits": 3},
}


def payload(*commands: Any, **options: Any) -> bytes:
    return json.dumps({"commands": commands}, **options).encode()


@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": 1}])
def test_spelling_does_not_matter(options: dict[str, Any]) -> None:
    bundle = parse_bundle(payload(COMMAND, COMMAND, **options), "collect")
    assert [command.model_dump(exclude_none=True) for command in bundle.commands] == [COMMAND, COMMAND]


def test_256_commands_are_taken() -> None:
    assert len(parse_bundle(payload(*[COMMAND] * 256), "collect").commands) == 256


@given(st.binary(max_size=500))
@example(b"\xef\xbb\xbf{}")
def test_arbitrary_bytes_raise_nothing_else(data: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        parse_bundle(data, "collect")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([*COMMAND, "note"]), JSON)
def test_arbitrary_json_anywhere_raises_nothing_else(member: str, content: Any) -> None:
    for document in (content, {"commands": content}, {"commands": [{**COMMAND, member: content}]}):
        try:
            bundle = parse_bundle(json.dumps(document).encode(), "collect")
        except UnreadableMessage:
            continue
        assert bundle.commands[0].type == "collect"


@given(st.sampled_from(["id", "record", "purpose", "legal_basis", "fields", "type", CANARY]), JSON)
def test_no_value_is_ever_echoed(member: str, content: Any) -> None:
    planted = {CANARY: [CANARY, content]} if member == "fields" else [CANARY, content]
    for document in (planted, {"commands": planted}, {"commands": [{**COMMAND, member: planted}]}):
        with pytest.raises(UnreadableMessage) as refusal:
            parse_bundle(json.dumps(document).encode(), "collect")
        assert CANARY not in f"{refusal.value}{refusal.value.detail}{refusal.value.__cause__}"


@given(st.lists(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"c"']), min_size=1, max_size=6), st.booleans())
def test_a_member_given_twice_is_always_found(names: list[str], spaced: bool) -> None:
    text = "{" + ",".join(f"{name}{' ' if spaced else ''}:1" for name in names) + "}"
    with pytest.raises(UnreadableMessage) as refusal:
        parse_bundle(text.encode(), "collect")
    twice = len({json.loads(name) for name in names}) < len(names)
    assert (refusal.value.code == "DG-WIR-010") is twice


@given(st.integers(), st.booleans())
@example(2**53 - 1, False)
@example(-(2**53), False)
@example(2**63, True)
@example(2**64, False)
def test_integers_keep_their_value_or_are_refused(number: int, spaced: bool) -> None:
    text = payload({**COMMAND, "fields": {"visits": number}}, indent=1 if spaced else None)
    if abs(number) >= 2**53:
        with pytest.raises(UnreadableMessage, match="DG-WIR-011"):
            parse_bundle(text, "collect")
        return
    command = parse_bundle(text, "collect").commands[0]
    value = command.fields["visits"]  # type: ignore[union-attr,call-overload]
    assert value == number
    assert type(value) is int


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 500_000,
        b"[" * 500_000 + b"]" * 500_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"commands":[' + b"9" * 900_000 + b"]}",
        b'{"commands":[' + b",".join([b"[]"] * 300_000) + b"]}",
        b'{"commands":[' + b",".join([b'{"type": "collect"}'] * 40_000) + b"]}",
        orjson.dumps({"commands": [{**COMMAND, "fields": {f"f{n}": "x" for n in range(40_000)}}]}),
    ],
    ids=["open", "nested", "objects", "digits", "arrays", "commands", "fields"],
)
def test_a_bomb_is_refused_after_one_look_at_each_object(bomb: bytes) -> None:
    """Members given twice are looked for in each object, and that is all: no part of it is validated."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    gc.disable()  # Hypothesis is called back by each collection
    sys.setprofile(count)
    try:
        with pytest.raises(UnreadableMessage):
            parse_bundle(bomb, "collect")
    finally:
        sys.setprofile(None)
        gc.enable()
    assert calls < bomb.count(b"{") + 1000


def test_a_command_is_checked_before_it_is_sent() -> None:
    check_command(COMMAND)
    with pytest.raises(DanganError) as refusal:
        check_command({**COMMAND, "record": f"{CANARY} with spaces"})
    assert refusal.value.code == "DG-WIR-011"
    assert refusal.value.detail == "collect.record: string_pattern_mismatch"


_MANY = 50_000
LONG: dict[str, dict[str, Any]] = {
    "fields": {"fields": {f"!{number}": [] for number in range(_MANY)}},
    "members": {f"member-{number}": number for number in range(_MANY)},
    "consent": {"consent": {f"member-{number}": number for number in range(_MANY)}},
    "items": {"fields": [f"!{number}" for number in range(_MANY)]},
}


@pytest.mark.parametrize("changes", LONG.values(), ids=list(LONG))
def test_what_is_too_long_is_never_looked_through(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Untouched:
        def validate_python(self, _command: Any) -> Any:
            raise AssertionError("was validated")

    monkeypatch.setattr(module, "_COMMAND", Untouched())
    with pytest.raises(UnreadableMessage) as refusal:
        parse_bundle(payload({**COMMAND, **changes}), "collect")
    assert refusal.value.code == "DG-WIR-011"
    assert "too_long" in str(refusal.value)
    assert "!" not in str(refusal.value)
    assert "member-" not in str(refusal.value)


def test_the_first_command_that_breaks_the_schema_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Counting:
        def validate_python(self, command: Any) -> Any:
            seen.append(command)
            return real.validate_python(command)

    real = module._COMMAND
    monkeypatch.setattr(module, "_COMMAND", Counting())
    broken = {**COMMAND, "fields": {f"!{number}": [] for number in range(64)}}
    with pytest.raises(UnreadableMessage, match=r"commands\.1\."):
        parse_bundle(payload(COMMAND, *[broken] * 255), "collect")
    assert len(seen) == 2


def test_members_beside_the_commands_are_refused() -> None:
    for document in ({"commands": [COMMAND], "more": 1}, {"comands": [COMMAND]}, {"commands": {}}, [COMMAND], None):
        with pytest.raises(UnreadableMessage) as refusal:
            parse_bundle(json.dumps(document).encode(), "collect")
        assert refusal.value.code == "DG-WIR-011"
