"""What dangan needs in Vault: the transit mount, its keys, one policy and one token for each role. Idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from keys.roots import SIGNING_KEYS, WATERMARKS_KEY, WRAPPING_ROOTS, index_key
from ops.private_files import private_folder, read_by_others, write_private
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError
from schemas.settings import Settings

ROLES: Final = ("worker", "worker-basic", "sweeper", "admin", "auditor", "backup", "restorer", "inspector", "unsealer")
INDEX_FIELDS: Final = ("id_number", "phone", "email", "account_number")
FIRST_EPOCH: Final = 1
TOKEN_PERIOD: Final = "768h"  # noqa: S105 - how long a role token lives when it is not renewed


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One transit key: its name, Vault's type of it, and its size where the type has none of its own."""

    name: str
    type: str
    size: int | None = None

    def differences(self, found: dict[str, Any]) -> list[str]:
        """How a key that exists differs from this, in words; empty if it does not."""
        wanted = {
            "type": self.type,
            "exportable": False,
            "allow_plaintext_backup": False,
            "deletion_allowed": False,
            "derived": False,
        }
        return [
            f"{self.name} has {name}={found.get(name)}, not {value}"
            for name, value in wanted.items()
            if found.get(name) != value
        ]


def key_specs() -> tuple[KeySpec, ...]:
    """Every transit key of an installation."""
    return (
        *(KeySpec(name, "aes256-gcm96") for name in WRAPPING_ROOTS),
        *(KeySpec(name, "ed25519") for name in SIGNING_KEYS),
        KeySpec(WATERMARKS_KEY, "hmac", 32),
        *(KeySpec(index_key(field, FIRST_EPOCH), "hmac", 32) for field in INDEX_FIELDS),
    )


def policy_name(role: str) -> str:
    """The name of a role's policy in Vault."""
    return f"dangan-{role}"


def policy_text(role: str, mount: str) -> str:
    """A role's policy for a transit engine mounted at ``mount``."""
    template = Path(__file__).with_name("vault_policies") / f"{role}.hcl"
    return template.read_text(encoding="utf-8").replace("@transit@", mount)


def set_up_vault(vault: VaultAdmin, settings: Settings) -> None:
    """Make mount, keys, policies and role tokens; those that are there stay.

    Args:
        vault: a connection with a token that may do all this.
        settings: the mount's name and the folder of the role tokens.

    Raises:
        DanganError: DG-OPS-010 if Vault refuses, DG-OPS-013 if a key exists with unsafe settings.
    """
    _ensure_mount(vault, settings.transit_mount)
    for spec in key_specs():
        _ensure_key(vault, settings.transit_mount, spec)
    for role in ROLES:
        policy = {"policy": policy_text(role, settings.transit_mount)}
        vault.call("PUT", f"/sys/policies/acl/{policy_name(role)}", policy)
        ensure_role_token(vault, role, settings.token_file(role))


def ensure_role_token(vault: VaultAdmin, role: str, file: Path) -> None:
    """Keep the role's token if it is valid and has just its policy, renewing it; otherwise issue a new one."""
    old = _read_token(file)
    if old is not None:
        with VaultAdmin(vault.addr, old, authorities=vault.authorities) as holder:
            code, answer = holder.status("GET", "/auth/token/lookup-self")
            if code == 200 and answer["data"]["policies"] == [policy_name(role)] and not read_by_others(file):
                holder.call("POST", "/auth/token/renew-self", {})
                return
        if code == 200:
            vault.call("POST", "/auth/token/revoke", {"token": old.get_secret_value()})
    private_folder(file.parent)
    request = {
        "policies": [policy_name(role)],
        "no_default_policy": True,
        "period": TOKEN_PERIOD,
        "display_name": policy_name(role),
        "renewable": True,
    }
    made = vault.call("POST", "/auth/token/create-orphan", request)
    write_private(file, str(made["auth"]["client_token"]))


def _read_token(file: Path) -> SecretStr | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-020", detail=str(file)) from error
    return SecretStr(text) if text else None


def _ensure_mount(vault: VaultAdmin, mount: str) -> None:
    mounts = vault.call("GET", "/sys/mounts")
    known = mounts.get("data") or mounts
    found = known.get(f"{mount}/")
    if found is None:
        vault.call("POST", f"/sys/mounts/{mount}", {"type": "transit", "description": "dangan: key hierarchy"})
    elif found.get("type") != "transit":
        raise DanganError("DG-OPS-013", detail=f"{mount}/ is a {found.get('type')} engine, not transit")


def _ensure_key(vault: VaultAdmin, mount: str, spec: KeySpec) -> None:
    path = f"/{mount}/keys/{spec.name}"
    found = vault.read(path)
    if found is None:
        request: dict[str, Any] = {"type": spec.type, "exportable": False, "allow_plaintext_backup": False}
        if spec.size is not None:
            request["key_size"] = spec.size
        vault.call("POST", path, request)
        found = vault.read(path) or {}
    if differences := spec.differences(found):
        raise DanganError("DG-OPS-013", detail="; ".join(differences))
