"""What each role may do in Vault, asked of the real one: the table is complete, so whatever is not in it is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from keys.roots import WATERMARKS_KEY
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.vault_admin import VaultAdmin
from ops.vault_setup import ROLES, key_specs

pytestmark = pytest.mark.flow

CORE, SENSITIVE, BASIC = "dangan-core", "dangan-sensitive", "dangan-basic"
INGEST, BACKUPS, SEALED = "dangan-ingest", "dangan-backups", "dangan-sealed"
CERTIFICATES, ANNOUNCEMENTS, WRITERS = "dangan-certificates", "dangan-announcements", "dangan-writers"
REGISTRATIONS, GRANTS = "dangan-registrations", "dangan-grants"
INDEXES = tuple(spec.name for spec in key_specs() if spec.type == "hmac")
LEVELS = (CORE, SENSITIVE, BASIC)

PLAIN = "cGxhaW4="
OPERATIONS: dict[str, tuple[str, str, dict[str, object] | None]] = {
    "encrypt": ("POST", "encrypt/{key}", {"plaintext": PLAIN}),
    "decrypt": ("POST", "decrypt/{key}", {"ciphertext": "vault:v1:AAAA"}),
    "rewrap": ("POST", "rewrap/{key}", {"ciphertext": "vault:v1:AAAA"}),
    "hmac": ("POST", "hmac/{key}", {"input": PLAIN}),
    "sign": ("POST", "sign/{key}", {"input": PLAIN}),
    "verify": ("POST", "verify/{key}", {"input": PLAIN, "signature": "vault:v1:AAAA"}),
    "read": ("GET", "keys/{key}", None),
    "rotate": ("POST", "keys/{key}/rotate", {}),
    "minimum": ("POST", "keys/{key}/config", {"min_encryption_version": 0}),
    "trim": ("POST", "keys/{key}/trim", {"min_available_version": 0}),
    "make exportable": ("POST", "keys/{key}/config", {"exportable": True}),
    "allow backup": ("POST", "keys/{key}/config", {"allow_plaintext_backup": True}),
    "allow deletion": ("POST", "keys/{key}/config", {"deletion_allowed": True}),
    "minimum and deletion": (
        "POST",
        "keys/{key}/config",
        {"min_encryption_version": 0, "deletion_allowed": True},
    ),
    "create": ("POST", "keys/{key}", {"type": "aes256-gcm96"}),
    "delete": ("DELETE", "keys/{key}", None),
    "soft delete": ("POST", "keys/{key}/soft-delete", {}),
    "datakey": ("POST", "datakey/plaintext/{key}", {}),
    "export": ("GET", "export/encryption-key/{key}", None),
    "export signing": ("GET", "export/signing-key/{key}", None),
    "export hmac": ("GET", "export/hmac-key/{key}", None),
    "byok export": ("GET", "byok-export/{key}/{key}", None),
    "backup": ("GET", "backup/{key}", None),
    "restore": ("POST", "restore/{key}", {"backup": "AAAA", "force": True}),
    "import": ("POST", "keys/{key}/import", {"ciphertext": "AAAA"}),
    "import version": ("POST", "keys/{key}/import_version", {"ciphertext": "AAAA"}),
}

# A process that writes audit events has Vault certify its signing key.
_WRITES_AUDIT = {("sign", WRITERS), ("read", WRITERS)}
_WORKER_COMMON = (
    {("decrypt", INGEST), ("read", REGISTRATIONS), ("read", GRANTS)}
    | {("hmac", key) for key in INDEXES}
    | _WRITES_AUDIT
)


def _serves(*roots: str) -> set[tuple[str, str]]:
    return {(operation, root) for operation in ("encrypt", "decrypt", "read") for root in roots}


ALLOWED: dict[str, set[tuple[str, str]]] = {
    "worker": _serves(CORE, SENSITIVE, BASIC)
    | {("encrypt", SEALED), ("read", SEALED), ("sign", GRANTS)}
    | _WORKER_COMMON,
    "worker-basic": _serves(SENSITIVE, BASIC) | _WORKER_COMMON,
    "sweeper": _serves(*LEVELS)
    | {("read", INGEST), ("read", SEALED), ("encrypt", SEALED)}
    | {(operation, root) for operation in ("rewrap", "rotate", "minimum", "trim") for root in (*LEVELS, INGEST, SEALED)}
    | {("sign", CERTIFICATES), ("read", CERTIFICATES), ("read", REGISTRATIONS)}
    | _WRITES_AUDIT,
    "admin": {("encrypt", INGEST), ("read", INGEST), ("sign", ANNOUNCEMENTS), ("sign", REGISTRATIONS)}
    | {("read", key) for key in (CERTIFICATES, ANNOUNCEMENTS, REGISTRATIONS)}
    | _WRITES_AUDIT,
    "auditor": {("read", key) for key in (CERTIFICATES, ANNOUNCEMENTS, WRITERS)} | {("hmac", WATERMARKS_KEY)},
    "backup": {("encrypt", BACKUPS), ("read", BACKUPS)} | _WRITES_AUDIT,
    "restorer": {("decrypt", BACKUPS), ("read", BACKUPS)} | _WRITES_AUDIT,
    "inspector": {("decrypt", root) for root in LEVELS} | {("read", REGISTRATIONS)} | _WRITES_AUDIT,
    "unsealer": _serves(*LEVELS, SEALED) | {("read", REGISTRATIONS)} | _WRITES_AUDIT,
}

CLOSED = [
    ("GET", "sys/mounts", None),
    ("POST", "sys/mounts/more", {"type": "transit"}),
    ("GET", "sys/policies/acl/dangan-worker", None),
    ("PUT", "sys/policies/acl/dangan-worker", {"policy": 'path "*" { capabilities = ["sudo"] }'}),
    ("PUT", "sys/seal", {}),
    ("GET", "sys/audit", None),
    ("GET", "sys/storage/raft/snapshot", None),
    ("POST", "auth/token/create", {}),
    ("POST", "auth/token/create-orphan", {}),
    ("POST", "auth/token/revoke-self", {}),
    ("GET", "identity/entity/id?list=true", None),
    ("GET", "cubbyhole/x", None),
    ("GET", "transit/keys?list=true", None),
    ("POST", "transit/random", {}),
    ("POST", "transit/hash", {"input": PLAIN}),
    ("GET", "transit/wrapping_key", None),
    ("POST", "transit/keys/dangan-new", {}),
    ("POST", "transit/encrypt/dangan-new", {"plaintext": PLAIN}),
    ("POST", "transit/cache-config", {"size": 10}),
]


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vault(stack: Stack, role: str) -> Iterator[VaultAdmin]:
    token = SecretStr(stack.settings.token_file(role).read_text().strip())
    with VaultAdmin(stack.address(Service.VAULT), token) as connection:
        yield connection


def test_a_role_may_do_just_what_the_table_says(vault: VaultAdmin, role: str) -> None:
    wrong = []
    for key in (spec.name for spec in key_specs()):
        for operation, (method, path, body) in OPERATIONS.items():
            code, answer = vault.status(method, f"/transit/{path.format(key=key)}", body)
            # 400: the policy let it through, and the engine then found the made-up ciphertext wanting.
            permitted = code in (200, 204, 400) and "permission denied" not in str(answer)
            assert permitted or code in (403, 404, 405), (operation, key, code, answer)
            if permitted != ((operation, key) in ALLOWED[role]):
                wrong.append((operation, key, code))
    assert wrong == []


def test_everything_else_is_closed_to_every_role(vault: VaultAdmin) -> None:
    codes = {f"{method} {path}": vault.status(method, f"/{path}", body)[0] for method, path, body in CLOSED}
    assert {request: code for request, code in codes.items() if code not in (403, 404, 405)} == {}
    assert vault.status("GET", "/auth/token/lookup-self")[0] == 200, "the token outlived every attempt"


def test_a_token_can_keep_itself_alive(vault: VaultAdmin) -> None:
    renewed = vault.call("POST", "/auth/token/renew-self", {})
    assert renewed["auth"]["lease_duration"] > 30 * 86400


def test_no_key_can_be_taken_out_even_with_the_root_token(stack: Stack) -> None:
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        for spec in key_specs():
            found = root.read(f"/transit/keys/{spec.name}")
            assert found is not None
            assert spec.differences(found) == []
            for path in ("export/encryption-key", "export/signing-key", "export/hmac-key", "backup"):
                assert root.status("GET", f"/transit/{path}/{spec.name}")[0] >= 400
            assert root.status("DELETE", f"/transit/keys/{spec.name}")[0] >= 400
