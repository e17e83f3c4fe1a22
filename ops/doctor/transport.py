"""Whether anything travels in the open: services on other machines are spoken to over TLS (SHR-07, COL-19)."""

from __future__ import annotations

import ipaddress
from urllib.parse import parse_qsl, urlsplit

from ops.doctor.findings import Finding, warning
from schemas.settings import Settings

_ON = frozenset({"true", "1"})
#: Options that keep TLS from telling who answers.
_UNVERIFIED = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")


def examine_transport(settings: Settings) -> list[Finding]:
    """A warning for each service on another machine that is reached without TLS; its address is not shown."""
    findings = []
    servers = [server.strip().rpartition(":")[0] for server in settings.kafka_bootstrap.split(",")]
    if settings.kafka_security == "plaintext" and not all(map(_here, servers)):
        findings.append(_warn("Kafka", "Set kafka_security to tls or sasl_tls (docs/tls.md)."))
    if not _vault_is_safe(settings.vault_addr):
        findings.append(
            _warn("Vault", "Give vault_addr as https://..., and vault_ca_file if its authority is your own.")
        )
    if not _mongo_is_safe(settings.mongo_uri.get_secret_value()):
        findings.append(
            _warn(
                "MongoDB",
                "Add tls=true (and tlsCAFile=...) to its address, and nothing that allows invalid certificates.",
            )
        )
    return findings


def _warn(service: str, mend: str) -> Finding:
    return warning(service, "on another machine and reached without TLS that verifies it", mend)


def _vault_is_safe(addr: str) -> bool:
    try:
        parts = urlsplit(addr)
        return parts.scheme == "https" or _here(parts.hostname or "")
    except ValueError:
        return True  # told by the check of Vault


def _mongo_is_safe(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return True  # told by the driver, which says better what is wrong
    options = {name.lower(): value.lower() for name, value in parse_qsl(parts.query)}
    if any(options.get(name, "false") in _ON for name in _UNVERIFIED):
        return False
    if parts.scheme == "mongodb+srv":  # TLS unless it is turned off
        return options.get("tls", options.get("ssl", "true")) in _ON
    hosts = [host.rpartition(":")[0] or host for host in parts.netloc.rpartition("@")[2].split(",")]
    return all(map(_here, hosts)) or options.get("tls", options.get("ssl", "")) in _ON


def _here(host: str) -> bool:
    """Whether a host is this machine."""
    bare = host.strip("[]")
    if bare == "localhost" or bare.startswith("%2F"):  # a socket's path, percent-encoded
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
