"""Checks of what the organisation set: catalogue, policies, rule book and profile."""

from __future__ import annotations

from ops.doctor.findings import Finding, ok, warning, wrong
from ops.profiles import described
from ops.rules import policy_root, rules_of
from schemas.errors import DanganError
from schemas.rulebook import RuleBook
from schemas.settings import Settings


def examine_rules(settings: Settings) -> Finding:
    """Whether the rules load, and how far their profile is from the strictest reading of the regulations."""
    try:
        book = rules_of(settings).book
        if settings.profile:
            described(policy_root(settings.policies), settings.profile)
    except DanganError as error:
        return wrong("rules", f"{error.code} {error.sentence}", error.next_step)
    other = [
        f"{table}.{name}"
        for table in RuleBook.model_fields
        for name in type(getattr(book, table)).model_fields
        if getattr(getattr(book, table), name) != getattr(getattr(RuleBook(), table), name)
    ]
    named = f"profile {settings.profile}" if settings.profile else "no profile"
    if settings.profile == "trial":
        mend = "It is for made-up people; for real ones take profile out of dangan.toml, or name your regulation's."
        return warning("rules", f"{named}: {len(other)} rules differ from the strictest reading", mend)
    return ok("rules", f"{named}; {len(other)} rules differ from the strictest reading: {', '.join(other) or 'none'}")


def examine_incidents(settings: Settings) -> list[Finding]:
    """Whether an emergency plan is on file, and somebody answers for incidents (clause SEC-11)."""
    try:
        book = rules_of(settings).book.incident
    except DanganError:
        return []  # told by examine_rules
    findings = []
    if book.plan is None or book.plan_version is None:
        mend = "Put the plan's reference and version into incident.plan and incident.plan_version of rules.toml."
        findings.append(wrong("incidents", "no emergency plan is on file", mend))
    if not book.responsible:
        mend = "Name the posts in incident.responsible of rules.toml."
        findings.append(wrong("incidents", "nobody answers for incidents", mend))
    on_file = f"emergency plan {book.plan} {book.plan_version}; {', '.join(book.responsible)} answer for incidents"
    return findings or [ok("incidents", on_file)]
