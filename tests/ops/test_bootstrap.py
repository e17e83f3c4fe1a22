"""The bootstrap finds its own work done, and refuses to build on what is wrong."""

from __future__ import annotations

import json

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.bootstrap import bootstrap
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.topic_setup import ensure_topics, topic_differences
from ops.vault_admin import VaultAdmin
from ops.vault_setup import ROLES, KeySpec, ensure_role_token, set_up_vault
from schemas.errors import DanganError
from schemas.topics import TopicSpec, topic_specs
from streams.kafka import Kafka, kafka_of

pytestmark = pytest.mark.flow


def _tokens(stack: Stack) -> dict[str, str]:
    return {role: stack.settings.token_file(role).read_text() for role in ROLES}


def test_a_second_bootstrap_changes_nothing(stack: Stack) -> None:
    said: list[str] = []
    before = _tokens(stack)
    bootstrap(stack.settings, vault_token=stack.root_token, say=said.append)
    assert _tokens(stack) == before
    assert not any("created" in line for line in said)


async def test_it_may_be_called_inside_an_event_loop(stack: Stack) -> None:
    bootstrap(stack.settings, vault_token=None)


def test_token_files_are_for_their_owner_only(stack: Stack) -> None:
    for role in ROLES:
        assert stack.settings.token_file(role).stat().st_mode & 0o777 == 0o600
    assert stack.settings.vault_token_dir.stat().st_mode & 0o077 == 0


def test_a_token_that_was_readable_by_others_is_replaced_and_revoked(stack: Stack) -> None:
    file = stack.settings.token_file("auditor")
    old = file.read_text().strip()
    file.chmod(0o644)
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        set_up_vault(root, stack.settings)
        assert file.read_text().strip() != old
        assert file.stat().st_mode & 0o777 == 0o600
        assert root.status("POST", "/auth/token/lookup", {"token": old})[0] == 403


def test_a_token_with_more_than_its_policy_is_replaced(stack: Stack) -> None:
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        made = root.call("POST", "/auth/token/create-orphan", {"policies": ["dangan-auditor", "dangan-sweeper"]})
        file = stack.settings.token_file("auditor")
        file.write_text(made["auth"]["client_token"])
        ensure_role_token(root, "auditor", file)
        assert file.read_text() != made["auth"]["client_token"]


def test_an_exportable_key_is_refused(stack: Stack) -> None:
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        root.call("POST", "/transit/keys/leaky", {"type": "aes256-gcm96", "exportable": True})
        found = root.read("/transit/keys/leaky") or {}
    assert KeySpec("leaky", "aes256-gcm96").differences(found) == ["leaky has exportable=True, not False"]


async def test_topics_are_as_the_specs_say(stack: Stack) -> None:
    assert await topic_differences(kafka_of(stack.settings), topic_specs(), 1) == []


@pytest.mark.parametrize(
    ("spec", "difference"),
    [
        (TopicSpec("odd.partitions", 3, 1000), "odd.partitions has 2 partitions, not 3"),
        (TopicSpec("odd.retention", 2, 2000), "odd.retention has retention.ms=1000, not 2000"),
        (TopicSpec("odd.policy", 2, 1000, "compact"), "odd.policy has cleanup.policy=delete, not compact"),
    ],
)
async def test_a_topic_with_other_settings_is_refused(stack: Stack, spec: TopicSpec, difference: str) -> None:
    kafka = kafka_of(stack.settings)
    config = {**TopicSpec(spec.name, 2, 1000).settings()}
    admin = AIOKafkaAdminClient(**kafka.client)
    await admin.start()
    await admin.create_topics([NewTopic(spec.name, 2, 1, topic_configs=config)])
    await admin.close()
    with pytest.raises(DanganError) as refused:
        await ensure_topics(kafka, [spec], 1)
    assert refused.value.code == "DG-OPS-014"
    assert refused.value.detail == difference


async def test_kafka_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(DanganError) as refused:
        await ensure_topics(Kafka("127.0.0.1:9"), topic_specs(), 1)
    assert refused.value.code == "DG-OPS-019"


def test_vault_audits_every_request(stack: Stack) -> None:
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        root.call("POST", "/transit/encrypt/dangan-basic", {"plaintext": "Y2FuYXJ5"})
    text = stack.vault_audit_log.read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert any(entry["request"]["path"] == "transit/encrypt/dangan-basic" for entry in entries)
    assert "Y2FuYXJ5" not in text
    assert stack.root_token.get_secret_value() not in text
    assert stack.vault_audit_log.stat().st_mode & 0o077 == 0
