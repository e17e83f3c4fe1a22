"""``dangan inspect review``, ``evaluate``, ``pass-on``, ``take-note``, ``terms``: what people check, judge and sign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from consumers.rules import Rules
from ops.audit_archive.manifest import digest_of
from ops.audited import Desk
from ops.commands.arranging import Home, Policies
from ops.commands.inspect_runs import INSPECTORS, SUPERVISORS, As, Asked, act, now
from ops.commands.keys import PassphraseFile
from ops.inspections.risk import exposure
from ops.printable import plain
from ops.registers import Book
from schemas.errors import DanganError, Refusal
from schemas.inspections import EVALUATIONS, REVIEWS, TERMS
from schemas.registers import Entry, Lifecycle, Said
from schemas.working_days import day_of
from store.registers import Register

#: Who registers which review.
_REVIEWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "special_audit": ("auditor",),
    "internal_review": INSPECTORS,
    "external_review": ("auditor", "compliance"),
    "risk_assessment": ("risk", "compliance", "security_officer"),
    "secrecy": SUPERVISORS,
}
#: Who evaluates customers' archives, and who takes note of it (营销负责人).
_EVALUATORS: Final = ("archivist", "custodian", "client_manager", "compliance")
_MARKETING: Final = ("sales_director", "market_supervision", "marketing_manager")
_SIGNERS: Final = ("director", "general_manager", "sales_director", "department_head")
Kind = Literal["special-audit", "internal-review", "external-review", "risk-assessment", "secrecy"]
Terms = Literal["cash", "credit", "instalments", "acceptance"]
Customer = Annotated[str, typer.Argument(help="The customer's reference.")]
Day = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; today by default.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group ``dangan inspect``."""
    for name, command in (
        ("review", review),
        ("evaluate", evaluate),
        ("pass-on", pass_on),
        ("take-note", take_note),
        ("terms", terms),
    ):
        group.command(name, no_args_is_help=True)(command)


def review(
    kind: Annotated[Kind, typer.Argument(help="What was audited, reviewed, assessed or checked.")],
    reference: Annotated[str, typer.Argument(help="Its id, for instance audit-2026.")],
    result: Annotated[Literal["in_order", "findings"], typer.Option(help="The outcome.")],
    report: Annotated[str, typer.Option("--report", help="Where its report is filed: a reference.")],
    key: As,
    findings: Annotated[int, typer.Option(min=0, help="How many findings it has.")] = 0,
    file: Annotated[Path | None, typer.Option(help="The report itself: its SHA-256 is registered.")] = None,
    recipients: Annotated[int | None, typer.Option(min=0, help="Risk: recipients outside the company.")] = None,
    outsourced: Annotated[int | None, typer.Option(min=0, help="Risk: outsourced services.")] = None,
    controls: Annotated[
        Literal["sufficient", "insufficient"] | None, typer.Option(help="Risk: whether controls suffice.")
    ] = None,
    day: Day = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Register an audit, a review, a risk assessment or a check of secrecy, with its outcome.

    A risk assessment (风险评估) is registered with how many fields are sensitive and how many users there are.
    """
    word = kind.replace("-", "_")
    said: dict[str, Said] = {"on": _day(day), "report": report, "result": result, "findings": findings}
    given = {"recipients": recipients, "outsourced": outsourced, "controls": controls}
    said |= {name: value for name, value in given.items() if value is not None}
    if file is not None:
        said["sha256"] = _digest(file)

    async def run(desk: Desk, rules: Rules) -> Entry:
        known = (await Register(desk.database, REVIEWS.name).get([reference])).get(reference)
        if word == "risk_assessment" and known is None:
            said.update(await exposure(desk.database, rules.catalogue))
        elif known is not None:  # the same words again are no other entry, though the counts have changed since
            said.update({name: known.facts[name] for name in ("sensitive_fields", "users") if name in known.facts})
        return await Book(desk, REVIEWS).begin(reference, word, said, now=now())

    _told(act(Asked(home, key, passphrase_file, policies), run, roles=_REVIEWERS[word]))


def evaluate(
    customer: Customer,
    reference: Annotated[str, typer.Argument(help="The evaluation's id.")],
    result: Annotated[str, typer.Option(help="Its outcome: a word or a file reference, nothing personal.")],
    key: As,
    day: Day = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Record the evaluation of a customer's archive (客户档案评估)."""
    said: dict[str, Said] = {"customer": customer, "result": result, "on": _day(day)}

    async def run(desk: Desk, _: Rules) -> Entry:
        return await Book(desk, EVALUATIONS).begin(reference, "evaluation", said, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=_EVALUATORS))


def pass_on(
    reference: Annotated[str, typer.Argument(help="The evaluation's id.")],
    manager: Annotated[str, typer.Option(help="The marketing manager: a principal's id.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Pass the result of an evaluation on to the marketing manager (营销负责人)."""
    _follow(Asked(home, key, passphrase_file), EVALUATIONS, reference, "pass_on", {"manager": manager}, _EVALUATORS)


def take_note(
    reference: Annotated[str, typer.Argument(help="The evaluation's id.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Take note of an evaluation, as the marketing manager that it was passed on to."""

    async def run(desk: Desk, _: Rules) -> Entry:
        book = Book(desk, EVALUATIONS)
        if (await book.entry(reference)).facts.get("manager", desk.operator) != desk.operator:
            raise Refusal("DG-REG-004", field="manager")
        return await book.follow(reference, "take_note", {}, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=_MARKETING))


def terms(
    customer: Customer,
    key: As,
    trades: Annotated[Terms | None, typer.Option("--terms", help="On which terms the customer trades.")] = None,
    sign: Annotated[str | None, typer.Option(help="Sign them off: the signed document's reference.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """State a customer's terms of trade, or sign them off (签字程序). New terms take a new signature."""
    if (trades is None) == (sign is None):
        raise typer.BadParameter("either --terms or --sign", param_hint="--terms")
    asked = Asked(home, key, passphrase_file)
    if sign is not None:
        _follow(asked, TERMS, customer, "sign_off", {"document": sign}, _SIGNERS)
        return
    said: dict[str, Said] = {"terms": str(trades)}

    async def run(desk: Desk, _: Rules) -> Entry:
        book = Book(desk, TERMS)
        known = (await Register(desk.database, TERMS.name).get([customer])).get(customer)
        if known is None:
            return await book.begin(customer, "customer", said, now=now())
        if known.facts.get("terms") == trades:
            return known
        return await book.follow(customer, "change", said, now=now())

    _told(act(asked, run, roles=_EVALUATORS))


def _follow(
    asked: Asked, register_: Lifecycle, reference: str, verb: str, said: Mapping[str, Said], roles: tuple[str, ...]
) -> None:
    async def run(desk: Desk, _: Rules) -> Entry:
        return await Book(desk, register_).follow(reference, verb, said, now=now())

    _told(act(asked, run, roles=roles))


def _told(entry: Entry) -> None:
    Console().print(plain(f"{entry.id} is {entry.state.replace('_', ' ')}"), soft_wrap=True)


def _digest(file: Path) -> str:
    try:
        return digest_of(file)
    except OSError as error:
        raise DanganError("DG-OPS-033", field=str(file), detail=type(error).__name__) from None


def _day(given: datetime | None) -> str:
    return (given.date() if given else day_of(now())).isoformat()
