"""What a destruction takes besides its signatures: a whole application, a ground that holds, nothing that keeps (pure).

Clauses DES-01 (conditions), DES-03 (law keeps what a customer wants deleted), DES-04 (content of the application),
DES-05 and DES-06 (who may do what: applicant, approvers, executor and witness are four people or more).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from consumers.retention.due import Term
from keys.approvals import Signatories
from schemas.commands import Destroy
from schemas.destruction import REQUESTED, Application
from schemas.errors import Refusal
from schemas.principals import Principal
from schemas.rule_tables.destruction import Destruction

#: What an application has to say, in the order in which it is asked for.
CONTENT: Final = ("applicant", "scope", "quantity", "method")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the retention rules say of one record as of a day.

    Attributes:
        term: its period; None where the rules have none for its class.
        lawful_from: the day from which law lets it be destroyed on request; None when no law keeps it.
        need: reference of a recorded need to keep it.
        extended: until when its period was extended by signatures.
        part: whether it is part of another archive, with which it falls due.
    """

    term: Term | None
    lawful_from: date | None = None
    need: str | None = None
    extended: date | None = None
    part: bool = False


def check_application(command: Destroy, executor: str, rules: Destruction) -> None:
    """Check what a request says by itself.

    Args:
        command: the request.
        executor: its sender, who carries it out.
        rules: table ``[destroy]``.

    Raises:
        Refusal: DG-DES-029 (a ground that the organisation does not have), 020 (something is missing), 021 (another
            number), 022 (a method that is not accepted), 023 (applicant and executor are one), 027 (no witness).
    """
    if command.ground not in rules.grounds:
        raise Refusal("DG-DES-029", field="ground", detail=", ".join(rules.grounds))
    application = command.application
    if application is None:
        if rules.application_required:
            raise Refusal("DG-DES-020", field="application")
        return
    if rules.application_required:
        _check_content(command, application, rules)
    if application.quantity not in (None, len(command.records)):
        raise Refusal("DG-DES-021", field="quantity", detail=f"{len(command.records)} of {application.quantity}")
    if application.method is not None and application.method not in rules.electronic_methods:
        raise Refusal("DG-DES-022", field="method", detail=", ".join(rules.electronic_methods) or None)
    if application.applicant == executor:
        raise Refusal("DG-DES-023", field="applicant")
    if application.witness is not None and application.witness in (executor, application.applicant):
        raise Refusal("DG-DES-024", field="witness")


def _check_content(command: Destroy, application: Application, rules: Destruction) -> None:
    for name in CONTENT:
        if getattr(application, name) is None:
            raise Refusal("DG-DES-020", field=name)
    if rules.min_persons > 1 and application.witness is None:
        raise Refusal("DG-DES-027", field="witness")
    if command.ground in REQUESTED and application.basis is None:
        raise Refusal("DG-DES-020", field="basis")
    if command.ground not in REQUESTED and not application.no_need:
        raise Refusal("DG-DES-031", field="no_need")


def check_posts(
    command: Destroy,
    signed: Signatories,
    posts: Sequence[str],
    rules: Destruction,
    person: Callable[[str], Principal | None],
) -> None:
    """Check that those who signed hold the posts that the rule book names: each post another person.

    Args:
        command: the request.
        signed: who signed it (consumers/approvals.destruction_signed_by).
        posts: roles of which each must be among the approvers (approval.destroy).
        rules: table ``[destroy]``.
        person: looks a principal up by id.

    Raises:
        Refusal: DG-DES-028 (a post's approval is missing), 027 (the witness has none of the witness roles).
    """
    roles = [_roles(person(who.id)) for who in signed.approvers]
    if not _filled(list(posts), roles):
        raise Refusal("DG-DES-028", detail=", ".join(posts))
    witness = command.application.witness if command.application else None
    if witness is not None and rules.witness_roles and _roles(person(witness)).isdisjoint(rules.witness_roles):
        raise Refusal("DG-DES-027", field="witness", detail=", ".join(rules.witness_roles))


def _roles(who: Principal | None) -> frozenset[str]:
    return frozenset() if who is None else who.roles


def _filled(posts: list[str], people: Collection[frozenset[str]]) -> bool:
    """Whether every post can be given a person of its own. There are a few posts and at most eight signatures."""
    if not posts:
        return True
    left = list(people)
    return any(posts[0] in roles and _filled(posts[1:], [*left[:at], *left[at + 1 :]]) for at, roles in enumerate(left))


def check_kept(command: Destroy, kept: Mapping[str, Kept], today: date, rules: Destruction) -> None:
    """Check that the ground holds for every record, and that nothing keeps one (legal holds are looked at elsewhere).

    Args:
        command: the request.
        kept: what the retention rules say of each of its records.
        today: the day it is.
        rules: table ``[destroy]``.

    Raises:
        Refusal: DG-DES-032 (a need is recorded), 034 (its period was extended), 030 (not expired), 033 (law keeps it,
            with the day until when).
    """
    for record, of in sorted(kept.items()):
        if of.need is not None:
            raise Refusal("DG-DES-032", field=record, detail=of.need)
        if of.extended is not None and of.extended > today and command.ground != "subject_request":
            raise Refusal("DG-DES-034", field=record, detail=of.extended.isoformat())
        if not rules.retention_checked:
            continue
        if (
            command.ground == "expired"
            and not of.part
            and (of.term is None or of.term.due is None or of.term.due > today)
        ):
            raise Refusal("DG-DES-030", field=record, detail=_day(of.term.due if of.term else None))
        if of.lawful_from is not None and of.lawful_from > today:
            raise Refusal("DG-DES-033", field=record, detail=_day(of.lawful_from))


def _day(day: date | None) -> str | None:
    return None if day is None or day == date.max else day.isoformat()
