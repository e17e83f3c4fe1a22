"""``dangan doctor``: every check answers in words and never raises; each wrong one says how to mend it."""

from __future__ import annotations

from pathlib import Path

from ops.config import load_settings
from ops.doctor.findings import Finding, ok, wrong
from ops.doctor.machine import examine_machine
from ops.doctor.posts import examine_posts
from ops.doctor.rules import examine_incidents, examine_rules
from ops.doctor.services import examine_kafka, examine_mongo
from ops.doctor.sites import examine_sites
from ops.doctor.transport import examine_transport
from ops.doctor.vault import examine_vault
from schemas.errors import DanganError

__all__ = ["Finding", "examine"]


def examine(home: Path) -> list[Finding]:
    """Check this machine, and the services that a home's settings name.

    Args:
        home: the installation's folder; it need not exist yet.
    """
    findings = list(examine_machine(home))
    try:
        settings = load_settings(home)
    except DanganError as error:
        findings.append(wrong("settings", f"{error.code} {error.sentence}", error.next_step))
        return findings
    findings.append(ok("settings", str(home)))
    findings.append(examine_rules(settings))
    findings += examine_incidents(settings)
    findings += examine_transport(settings)
    findings += examine_kafka(settings)
    findings += (of_mongo := examine_mongo(settings))
    if all(finding.verdict != "wrong" for finding in of_mongo):
        findings += examine_posts(settings)
    findings += examine_sites(settings)
    findings += examine_vault(settings)
    return findings
