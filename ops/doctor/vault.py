"""Checks of Vault: reachable, unsealed, same clock, keys that nobody can take out, tokens that can do just their part.

It works with what an operator has: the role tokens, and in a home of embedded services the root token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import SecretStr

from ops.doctor.findings import Finding, ok, warning, wrong
from ops.private_files import read_by_others
from ops.vault_admin import VaultAdmin
from ops.vault_setup import ROLES, KeySpec, key_specs, policy_name, policy_text
from schemas.errors import DanganError
from schemas.settings import Settings

_START = "Start it (dangan up), or correct vault_addr in HOME/dangan.toml."
_SHORT_TTL_SECONDS = 24 * 3600
_RENEW = "Run dangan up or dangan init: it issues the token anew."


def examine_vault(settings: Settings) -> list[Finding]:
    """Check Vault as far as the tokens at hand allow."""
    try:
        with VaultAdmin(settings.vault_addr, timeout=5, authorities=settings.vault_ca_file) as vault:
            code, health = vault.status("GET", "/sys/health?standbyok=true")
        if code == 501:
            return [wrong("Vault", "not initialised", "Initialise it, then run dangan init.")]
        if code == 503:
            return [wrong("Vault", "sealed", "Unseal it; an embedded one is unsealed by dangan up.")]
        if code != 200:
            return [wrong("Vault", f"health {code}", "See its log.")]
        findings = [ok("Vault", f"{settings.vault_addr}, {health.get('version', '')}"), _clock(health)]
        tokens: list[SecretStr] = []
        for role in ROLES:
            findings += _token(settings, role, tokens)
        findings += _with_root(settings, tokens)
        findings += _keys(settings, tokens)
    except DanganError as error:
        return [wrong("Vault", error.sentence, _START)]
    return findings


def _clock(health: dict[str, object]) -> Finding:
    told = health.get("server_time_utc")
    skew = abs(time.time() - told) if isinstance(told, int) else 0.0
    found = f"{skew:.0f} s apart from Vault's"
    mend = "Set both clocks by NTP: bundles and grants are judged by time."
    # Vault tells whole seconds, so up to a second is nothing.
    if skew > 60:
        return wrong("clock", found, mend)
    return warning("clock", found, mend) if skew > 5 else ok("clock", found)


def _token(settings: Settings, role: str, valid: list[SecretStr]) -> Iterator[Finding]:
    file = settings.token_file(role)
    check = f"token {role}"
    try:
        token = SecretStr(file.read_text(encoding="ascii").strip())
        open_to_others = read_by_others(file)
    except FileNotFoundError:
        yield warning(check, f"{file} is missing", "If this machine serves the role: dangan up or dangan init.")
        return
    except (OSError, UnicodeDecodeError) as error:
        yield wrong(check, f"{file}: {type(error).__name__}", _RENEW)
        return
    if open_to_others:
        yield wrong(check, f"{file} is readable by others", f"chmod 600 {file}, then have the token issued anew.")
    with VaultAdmin(settings.vault_addr, token, timeout=5, authorities=settings.vault_ca_file) as vault:
        code, answer = vault.status("GET", "/auth/token/lookup-self")
    if code != 200:
        yield wrong(check, f"Vault does not accept it ({code})", _RENEW)
        return
    valid.append(token)
    data = answer["data"]
    if data["policies"] != [policy_name(role)]:
        yield wrong(check, f"has the policies {', '.join(data['policies'])}, not just {policy_name(role)}", _RENEW)
    elif data.get("ttl", 0) < _SHORT_TTL_SECONDS:
        yield warning(
            check, f"ends in {data['ttl']} s", "Whatever renews it has stopped: see Vault Agent, or dangan up."
        )
    elif not open_to_others:
        yield ok(check, f"valid for {data['ttl'] // 86400} days, policy {policy_name(role)}")


def _with_root(settings: Settings, tokens: list[SecretStr]) -> Iterator[Finding]:
    """In a home of embedded services, compare the policies in Vault with their files."""
    try:
        root = SecretStr((settings.home / "vault" / "root.token").read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        return
    with VaultAdmin(settings.vault_addr, root, timeout=5, authorities=settings.vault_ca_file) as vault:
        if vault.status("GET", "/auth/token/lookup-self")[0] != 200:
            return
        tokens.insert(0, root)
        for role in ROLES:
            found = vault.read(f"/sys/policies/acl/{policy_name(role)}") or {}
            if found.get("policy", "").strip() != policy_text(role, settings.transit_mount).strip():
                yield wrong(f"policy {role}", "differs from its file", "Run dangan up or dangan init.")


def _keys(settings: Settings, tokens: list[SecretStr]) -> Iterator[Finding]:
    unread = []
    good = 0
    for spec in key_specs():
        found, readable = _key(settings, spec, tokens)
        if not readable:
            unread.append(spec.name)
        elif found is None:
            yield wrong(f"key {spec.name}", "missing", "Run dangan up or dangan init.")
        elif differences := spec.differences(found):
            yield wrong(f"key {spec.name}", "; ".join(differences), "Vault cannot take this back: replace the key.")
        else:
            good += 1
    yield ok("keys", f"{good} keys that cannot be exported, backed up or deleted")
    if unread:
        mend = "Only an administrator's token can read their settings: dangan init checks them."
        yield warning("keys", f"not readable with the role tokens here: {', '.join(unread)}", mend)


def _key(settings: Settings, spec: KeySpec, tokens: list[SecretStr]) -> tuple[dict[str, object] | None, bool]:
    """A key's settings and whether any token could read them."""
    for token in tokens:
        with VaultAdmin(settings.vault_addr, token, timeout=5, authorities=settings.vault_ca_file) as vault:
            code, answer = vault.status("GET", f"/{settings.transit_mount}/keys/{spec.name}")
        if code == 200:
            return answer["data"], True
        if code == 404:
            return None, True
    return None, False
