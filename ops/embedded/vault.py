"""Vault's API on raft storage: OpenBao, on 127.0.0.1 without TLS, initialised and unsealed by the launcher.

One unseal share lies beside the data it unseals: right for a demo and for tests, wrong for production, where shares
are with people or an HSM. Key and root token are files (0600), never arguments, variables or log lines.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import SecretStr

from ops.embedded.program import Ports, Program, Say, Service, installed_program
from ops.private_files import private_folder, write_private
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError

# OpenBao takes audit devices from its configuration only. performance_multiplier 1 elects the single node in 1 s.
_SERVER_HCL = """\
ui           = false
log_level    = "warn"
api_addr     = "http://127.0.0.1:{vault}"
cluster_addr = "http://127.0.0.1:{cluster}"

listener "tcp" {{
  address         = "127.0.0.1:{vault}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable     = true
}}

storage "raft" {{
  path                   = "{data}"
  node_id                = "embedded"
  performance_multiplier = 1
}}

audit "file" "file" {{
  description = "Every request to Vault; reconciled with dangan's own audit trail."
  options {{
    file_path = "{audit}"
    mode      = "0600"
  }}
}}
"""


class Vault(Program):
    """OpenBao with one node."""

    service = Service.VAULT
    kind = "openbao"
    port_names = ("vault", "cluster")

    @property
    def marker(self) -> str:
        """Its settings file."""
        return str(self.folder / "server.hcl")

    @property
    def audit_log(self) -> Path:
        """Vault's own audit trail, one JSON object a line."""
        return self.folder / "vault-audit.log"

    @property
    def root_token_file(self) -> Path:
        """The file with the root token."""
        return self.folder / "root.token"

    @property
    def _unseal_key_file(self) -> Path:
        return self.folder / "unseal.key"

    @property
    def _initialising(self) -> Path:
        return self.folder / "initialising"

    def prepare(self, ports: Ports, say: Say) -> None:  # noqa: ARG002
        """Write its settings; clear what an interrupted initialisation left."""
        private_folder(self.folder)
        if self._initialising.exists() and not self._unseal_key_file.exists():
            # Ended between Vault's initialisation and the keeping of its key: nothing can have been stored in it.
            shutil.rmtree(self.data, ignore_errors=True)
        private_folder(self.data)
        settings = _SERVER_HCL.format(data=self.data, audit=self.audit_log, **ports)
        write_private(Path(self.marker), settings)

    def command(self) -> list[str]:
        """See :class:`Program`."""
        return [installed_program("bao"), "server", "-config", self.marker]

    def is_ready(self, ports: Ports) -> bool:
        """Initialise it the first time, unseal it if it is sealed, and say whether it is active."""
        try:
            with VaultAdmin(self.address(ports)) as vault:
                code, _ = vault.status("GET", "/sys/health")
                if code == 501:
                    self._initialise(vault)
                elif code == 503:
                    self._unseal(vault)
                return code == 200
        except DanganError as error:
            if error.code == "DG-OPS-019":
                return False
            raise

    def address(self, ports: Ports) -> str:
        """Its address."""
        return f"http://127.0.0.1:{ports['vault']}"

    def root_token(self) -> SecretStr:
        """The root token, for the bootstrap."""
        return SecretStr(self.root_token_file.read_text(encoding="ascii").strip())

    def _initialise(self, vault: VaultAdmin) -> None:
        if self._unseal_key_file.exists():
            raise DanganError("DG-OPS-009", detail=f"{self.data} is empty, but {self._unseal_key_file} exists")
        self._initialising.touch(mode=0o600)
        made = vault.call("PUT", "/sys/init", {"secret_shares": 1, "secret_threshold": 1})
        write_private(self.root_token_file, str(made["root_token"]))
        write_private(self._unseal_key_file, str(made["keys_base64"][0]))
        self._initialising.unlink()

    def _unseal(self, vault: VaultAdmin) -> None:
        try:
            key = self._unseal_key_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise DanganError("DG-OPS-009", detail=str(self._unseal_key_file)) from error
        code, _ = vault.status("PUT", "/sys/unseal", {"key": key})
        if code == 400:
            raise DanganError("DG-OPS-009", detail=str(self._unseal_key_file))
