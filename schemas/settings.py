"""What one installation sets: where its services are, and the few bounds an operator may want to move.

Read by ``ops/config.py`` from ``HOME/dangan.toml`` and ``DANGAN_*`` variables. Secrets never stand in either: Vault
tokens are files, and so are Kafka's password and a MongoDB address with a password in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.levels import Level

_WEEK_SECONDS = 7 * 24 * 3600
_FILES = (
    "mongo_uri_file",
    "kafka_ca_file",
    "kafka_certificate_file",
    "kafka_key_file",
    "kafka_password_file",
    "vault_ca_file",
    "policies",
)


class Settings(BaseModel):
    """The settings of one installation; every field has a default that fits the embedded services."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path(".dangan"), description="Folder of this installation's settings, tokens and local state.")
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated.")
    kafka_security: Literal["plaintext", "tls", "sasl_tls"] = Field(
        "plaintext", description="How Kafka is spoken to; plaintext is for services on one machine."
    )
    kafka_ca_file: Path | None = Field(None, description="Authorities (PEM) of the brokers' certificates.")
    kafka_certificate_file: Path | None = Field(None, description="Own certificate (PEM), where brokers ask for one.")
    kafka_key_file: Path | None = Field(None, description="Its private key (PEM, mode 600).")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="How to log in to Kafka with sasl_tls."
    )
    kafka_username: str | None = Field(None, min_length=1, description="As whom.")
    kafka_password_file: Path | None = Field(None, description="File (mode 600) that holds its password.")
    kafka_password: SecretStr | None = Field(None, description="What that file holds; never set by hand.", exclude=True)
    topic_partitions: int = Field(4, ge=1, le=1024, description="Partitions of each topic; choose once.")
    topic_replication: int = Field(1, ge=1, le=7, description="Copies of each partition; 3 on a real cluster.")
    mongo_uri: SecretStr = Field(
        SecretStr("mongodb://127.0.0.1:27017/?directConnection=true"),
        description="MongoDB address; with a password in it, give mongo_uri_file instead.",
    )
    mongo_uri_file: Path | None = Field(None, description="File that holds the MongoDB address, if it has a password.")
    mongo_database: str = Field("dangan", min_length=1, description="Name of the MongoDB database.")
    vault_addr: str = Field("http://127.0.0.1:8200", description="Address of Vault or OpenBao.")
    vault_token_dir: Path = Field(
        Path("vault/tokens"),
        description="Folder of the role tokens, ROLE.token each; default HOME/vault/tokens.",
    )
    vault_ca_file: Path | None = Field(None, description="Authorities (PEM) of Vault's certificate.")
    transit_mount: str = Field(
        "transit",
        pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
        description="Mount path of the transit engine.",
    )
    levels: tuple[Level, ...] = Field(
        (Level.CORE, Level.SENSITIVE, Level.BASIC),
        min_length=1,
        description="Sensitivity levels this worker serves.",
    )
    backup_places: tuple[Path, ...] = Field(
        (Path("backups/a"), Path("backups/b")),
        min_length=1,
        description="Folders that each take every key-page snapshot; default HOME/backups/a and HOME/backups/b.",
    )
    key_cache_entries: int = Field(1024, ge=0, description="How many unwrapped page keys may stay in memory.")
    batches_in_flight: int = Field(3, ge=1, le=16, description="Batches a worker works on at once.")
    max_message_bytes: int = Field(
        1024 * 1024,
        ge=1024,
        le=2 * 1024 * 1024,
        description="Largest sealed bundle that is opened, in bytes.",
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of a worker's metrics and health; 0 serves none. Each worker needs its own.",
    )
    metrics_host: str = Field("127.0.0.1", min_length=1, description="Address that metrics and health are served on.")
    profile: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9_-]{0,47})?$",
        description="Folder below policies/profiles whose rules apply; none means the strictest.",
    )
    policies: Path | None = Field(
        None, description="Folder of your own policies (docs/profiles.md); dangan's by default."
    )
    max_bundle_age_seconds: int = Field(
        _WEEK_SECONDS,
        ge=1,
        description="Oldest bundle that is accepted; no longer than the input topics' retention.",
    )

    ingest_drain_seconds: float = Field(
        130.0,
        ge=0,
        description="How long senders may go on sending bundles sealed to a retired ingest key; at least their "
        "delivery timeout (120 s).",
    )

    @model_validator(mode="before")
    @classmethod
    def _paths_below_home(cls, values: Any) -> Any:
        """Give the paths that depend on ``home`` their defaults; relative ones are read from ``home``."""
        if not isinstance(values, dict):
            return values
        home = Path(values.get("home", ".dangan")).expanduser().absolute()
        filled = {"vault_token_dir": "vault/tokens", "backup_places": ("backups/a", "backups/b"), **values}
        filled["home"] = home
        filled["vault_token_dir"] = home / Path(filled["vault_token_dir"]).expanduser()
        if isinstance(filled["backup_places"], (list, tuple)):
            filled["backup_places"] = tuple(home / Path(place).expanduser() for place in filled["backup_places"])
        for name in _FILES:
            if filled.get(name) == "":  # an empty variable stands for none
                del filled[name]
            elif isinstance(filled.get(name), str | Path):  # of others pydantic says what is wrong
                filled[name] = home / Path(filled[name]).expanduser()
        return filled

    @model_validator(mode="after")
    def _is_secured_as_said(self) -> Self:
        login = [name for name in ("kafka_username", "kafka_password_file") if getattr(self, name) is not None]
        files = [name for name in ("kafka_ca_file", "kafka_certificate_file") if getattr(self, name) is not None]
        if login and self.kafka_security != "sasl_tls":
            raise ValueError(f"{login[0]} needs kafka_security sasl_tls")
        if files and self.kafka_security == "plaintext":
            raise ValueError(f"{files[0]} needs kafka_security tls or sasl_tls")
        if (self.kafka_certificate_file is None) != (self.kafka_key_file is None):
            raise ValueError("kafka_certificate_file and kafka_key_file go together")
        if self.kafka_security == "sasl_tls" and len(login) < 2:
            raise ValueError("sasl_tls needs kafka_username and kafka_password_file")
        if self.vault_ca_file is not None and not self.vault_addr.startswith("https://"):
            raise ValueError("vault_ca_file needs a vault_addr of https://")
        return self

    @field_validator("levels")
    @classmethod
    def _each_level_once(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        if len(set(levels)) != len(levels):
            raise ValueError("a level is named twice")
        return levels

    def token_file(self, role: str) -> Path:
        """Where the token of a Vault role lies (written by ``dangan init``, or by Vault Agent)."""
        return self.vault_token_dir / f"{role}.token"
