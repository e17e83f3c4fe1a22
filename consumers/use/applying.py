"""Whether an application is complete and may be made, and who has to sign it (使用申请). Pure.

USE-02 (what it says), USE-03 and 05 (who signs), USE-04 (other departments, all customers), USE-08 (purposes),
USE-13 and STO-17 (copies), USE-17 (products).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consumers.about import NOTHING, SCOPES, About, about
from consumers.approvals import Registered
from consumers.received import Received
from consumers.rules import Rules
from consumers.standing import UNSIGNED
from consumers.use.copies import check_terminal
from consumers.use.products import check_product
from schemas.approvals import digest_of
from schemas.collection_approval import field_of
from schemas.combination import combined_level
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.moments import unix_ms
from schemas.principals import Principal
from schemas.rule_tables.use import Use
from schemas.use import Apply
from schemas.values import looks_personal
from store.applications import Application
from store.record import Record

_ALL: Final = "*"
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at to decide on an application.

    Attributes:
        found: the live records among those it names.
        directory: who is registered.
    """

    found: Mapping[str, Record]
    directory: Registered
    rules: Rules

    @property
    def use(self) -> Use:
        """The rule book's table."""
        return self.rules.book.use


def decide_apply(received: Received[Apply], sight: Sight) -> Application:
    """The application, if it may be made. Whether the named records exist shows in nothing that is answered.

    Raises:
        Refusal: DG-CMD-004, DG-COL-001, 005, 006, 007, DG-USE-001 to 015, 018, 019.
    """
    command, sender, rules = received.command, received.sender, sight.rules
    check_references(command)
    purpose, level = _what(command, rules)
    if not rules.authorizer.allows(sender, "apply", level, purpose, NOTHING):
        raise Refusal("DG-CMD-004")
    _whose(command, sender.roles, sight)
    _why(command, sight.use)
    _department_may(sender.department, purpose, sight.use)
    begins, ends = _when(command, received.at_ms // 1000, sight.use)
    _copies(command, sight.use)
    _offer(command, purpose, sight.use)
    signing, foreign = _responsible(sender.department, sight)
    posts = _posts(command, level, sender.roles, sight.rules, foreign=foreign)
    sign_by = None
    if command.emergency:
        _emergency(command, sender.roles, sight.use)
        now = received.at_ms // 1000
        begins, ends = now, min(ends, now + 3600 * sight.use.emergency_hours)
        sign_by, posts = now + 3600 * sight.use.emergency_sign_hours, sight.use.emergency_signers
    return Application(
        id=command.id,
        applicant=sender.id,
        department=sender.department,
        at_ms=received.at_ms,
        digest=digest_of(command, sender.id),
        request=command.model_dump(mode="json"),
        level=level,
        posts=tuple(posts),
        signing_department=signing,
        not_before=begins,
        not_after=ends,
        sign_by=sign_by,
        state="granted" if command.emergency or not posts else "applied",
    )


def check_references(command: Apply) -> None:
    """Refuse what looks like personal data: it is kept in clear.

    Raises:
        Refusal: DG-COL-007.
    """
    said = (*command.records, *command.selection.values(), command.contact, command.reason, command.terminal)
    if any(looks_personal(text) for text in (*said, command.product) if text):
        raise Refusal("DG-COL-007")


def _what(command: Apply, rules: Rules) -> tuple[str, Level]:
    """The purpose, and the level of the fields, each of which the purpose needs."""
    catalogue = rules.catalogue
    if command.purpose is None:
        raise Refusal("DG-USE-001", field="purpose")
    catalogue.purpose(command.purpose)
    if not command.fields:
        raise Refusal("DG-USE-003", field="fields")
    if outside := sorted(set(command.clear) - set(command.fields)):
        raise Refusal("DG-USE-013", field=outside[0])
    kinds = {field_of(kind): spec for kind, spec in catalogue.attachments.items()}
    levels = set()
    for name in command.fields:
        kind = kinds.get(name)
        if kind is not None and command.purpose not in kind.purposes:
            raise Refusal("DG-COL-005", field=name)
        levels.add(kind.level if kind else catalogue.needed_field(name, command.purpose).level)
    return command.purpose, combined_level(levels)


def _whose(command: Apply, roles: frozenset[str], sight: Sight) -> None:
    everybody = _ALL in command.records
    if not command.records and not command.selection:
        raise Refusal("DG-USE-005", field="records")
    if (command.records and command.selection) or (everybody and len(command.records) > 1):
        raise Refusal("DG-USE-010", field="records")
    # Nearly every archive has no grade, and one sender: that selects all of them.
    wide = everybody or (command.selection and sight.use.narrowing.isdisjoint(command.selection))
    if wide and roles.isdisjoint(sight.use.all_records_posts):
        raise Refusal("DG-USE-009", field="records")


def _emergency(command: Apply, roles: frozenset[str], use: Use) -> None:
    """What is granted before anybody signs is little: a few records by name, to be read."""
    if roles.isdisjoint(use.emergency_posts):
        raise Refusal("DG-USE-018")
    named = _ALL not in command.records and not command.selection and len(command.records) <= use.emergency_records
    if not named or command.copying or command.history:
        raise Refusal("DG-USE-019", detail=str(use.emergency_records))


def _why(command: Apply, use: Use) -> None:
    if "reason" in use.required and not (command.reason or "").strip():
        raise Refusal("DG-USE-002", field="reason")
    if "contact" in use.required and command.contact is None:
        raise Refusal("DG-USE-006", field="contact")


def _department_may(department: str, purpose: str, use: Use) -> None:
    listed = use.purposes_by_department
    if {purpose, _ALL}.isdisjoint((*listed.get(department, ()), *listed.get(_ALL, ()))):
        raise Refusal("DG-USE-008", field="purpose")


def _when(command: Apply, now: int, use: Use) -> tuple[int, int]:
    """Begin and end, UNIX seconds; by the time Kafka took the command, so that a redelivery decides the same."""
    if "period" in use.required:
        for name in ("not_before", "not_after"):
            if getattr(command, name) is None:
                raise Refusal("DG-USE-004", field=name)
    try:
        begins = unix_ms(command.not_before) // 1000 if command.not_before else now
        ends = unix_ms(command.not_after) // 1000 if command.not_after else begins + 3600 * use.default_hours
    except (ValueError, OverflowError):
        raise Refusal("DG-USE-007", field="not_after") from None
    if ends <= max(begins, now) or ends - max(begins, now) > use.longest_days * _DAY:
        raise Refusal("DG-USE-007", field="not_after")
    return begins, ends


def _copies(command: Apply, use: Use) -> None:
    if command.copying and command.terminal is None and use.terminal_required:
        raise Refusal("DG-USE-015", field="terminal")
    check_terminal(command.terminal, use)


def _offer(command: Apply, purpose: str, use: Use) -> None:
    """Whether anybody may be offered the product. Whether these customers may, is told to who signs, and at the read:
    here it would tell the applicant their grades, and which records there are.
    """
    if command.product is None:
        check_product(None, purpose, "", use)
    elif command.product not in use.products:
        raise Refusal("DG-USE-012", field="product")


def check_records(application: Application, found: Mapping[str, Record], applicant: Principal, rules: Rules) -> None:
    """What is told to who approves: whether policies let the applicant have these records (STO-04), and whether the
    product may be offered to these customers (USE-17).

    Args:
        application: as it is stored.
        found: the live records that it names.
        applicant: as registered now.
        rules: policies and rule book.

    Raises:
        Refusal: DG-USE-044, DG-USE-012.
    """
    request = Apply.model_validate(application.request)
    for record in found.values():
        of = about(record)
        if not rules.authorizer.allows(applicant, "apply", application.level, request.purpose or "", of):
            raise Refusal("DG-USE-044", detail=record.id)
        check_product(request.product, request.purpose or "", of.risk, rules.book.use)


def _responsible(department: str, sight: Sight) -> tuple[str, bool]:
    """Whose posts sign for a department, and whether the applicant's is another than the responsible one.

    The responsible department is that of a record's custodian, or of its sender. Where there is not exactly one, the
    applicant's own posts sign, and those of ``approval.cross_department`` after them.
    """
    departments = set()
    for record in sight.found.values():  # a name without a record says nothing about who is responsible
        keeper = sight.directory.principal(about(record).custodian or record.sender)
        departments.add("" if keeper is None or keeper.barred == UNSIGNED else keeper.department)
    if len(departments) != 1 or "" in departments:
        return department, True
    (responsible,) = departments
    return responsible, responsible != department


def _posts(command: Apply, level: Level, roles: frozenset[str], rules: Rules, *, foreign: bool) -> Sequence[str]:
    approval = rules.book.approval
    posts = list(approval.use[level.value])
    if command.copying and approval.copying and not set(posts) & set(approval.copying):
        posts.append(approval.copying[0])
    if foreign and roles.isdisjoint(approval.cross_department):  # who holds that post may consult all archives
        posts += [post for post in approval.cross_department if post not in posts]
    return posts


def within_scope(application: Application, found: Mapping[str, Record]) -> list[About]:
    """The attributes of what an application is about: of each named record, or of its selection.

    A record that there is not has no attributes, and so is in nobody's scope; so are the archives of all customers.
    """
    request = Apply.model_validate(application.request)
    if request.selection:
        known: dict[str, Any] = {name: value for name, value in request.selection.items() if name in SCOPES}
        return [About(known=True)._replace(**known)]
    return [about(found[name]) if name in found else About() for name in request.records]
