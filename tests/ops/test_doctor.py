"""The doctor on the real services: all well at first, then each fault is found and its mending named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import load_settings
from ops.doctor import Finding, examine
from ops.doctor.rules import examine_rules
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.vault_admin import VaultAdmin

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def vault_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Vault of its own: these tests break it."""
    with Stack.start(tmp_path_factory.mktemp("doctor"), [Service.VAULT]) as stack:
        yield stack


def _of(home: Path, check: str) -> list[Finding]:
    return [finding for finding in examine(home) if finding.check == check]


def test_all_is_well_after_up(stack: Stack) -> None:
    assert [finding for finding in examine(stack.home) if finding.verdict == "wrong"] == []


def test_a_token_readable_by_others_is_wrong(vault_only: Stack) -> None:
    file = vault_only.settings.token_file("worker")
    file.chmod(0o640)
    (found,) = _of(vault_only.home, "token worker")
    file.chmod(0o600)
    assert found.verdict == "wrong"
    assert found.mend.startswith("chmod 600")


def test_a_token_that_vault_does_not_know_is_wrong(vault_only: Stack) -> None:
    file = vault_only.settings.token_file("admin")
    good = file.read_text()
    file.write_text("s.unknown")
    (found,) = _of(vault_only.home, "token admin")
    file.write_text(good)
    assert found.verdict == "wrong"


def test_a_policy_that_was_widened_is_wrong(vault_only: Stack) -> None:
    with VaultAdmin(vault_only.address(Service.VAULT), vault_only.root_token) as root:
        root.call("PUT", "/sys/policies/acl/dangan-auditor", {"policy": 'path "*" { capabilities = ["read"] }'})
    (found,) = _of(vault_only.home, "policy auditor")
    assert found.verdict == "wrong"
    assert "dangan up" in found.mend


def test_a_key_that_may_be_deleted_is_wrong(vault_only: Stack) -> None:
    path = "/transit/keys/dangan-core/config"
    with VaultAdmin(vault_only.address(Service.VAULT), vault_only.root_token) as root:
        root.call("POST", path, {"deletion_allowed": True})
        (found,) = _of(vault_only.home, "key dangan-core")
        root.call("POST", path, {"deletion_allowed": False})
    assert found.verdict == "wrong"
    assert "deletion_allowed=True" in found.found


def test_a_sealed_vault_is_said_to_be_sealed(vault_only: Stack) -> None:
    with VaultAdmin(vault_only.address(Service.VAULT), vault_only.root_token) as root:
        root.call("PUT", "/sys/seal", {})
    (found,) = _of(vault_only.home, "Vault")
    vault_only.restart(Service.VAULT)
    assert (found.verdict, found.found) == ("wrong", "sealed")


def test_the_trial_profile_is_warned_of_and_a_missing_one_is_wrong(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert examine_rules(settings).verdict == "ok"
    trial = examine_rules(settings.model_copy(update={"profile": "trial"}))
    assert (trial.verdict, "made-up" in trial.mend) == ("warning", True)
    missing = examine_rules(settings.model_copy(update={"profile": "nowhere"}))
    assert missing.verdict == "wrong"
    assert "DG-POL-013" in missing.found
