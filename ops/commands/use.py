"""``dangan use``: applications for use, the borrowing register, what is overdue, contracts and consultations."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console

from ops.audited import Desk, desk
from ops.commands import use_copies, use_requests
from ops.commands.admin_acts import Home, day, table
from ops.commands.inspect_runs import Language, Organisation, To
from ops.commands.keys import PassphraseFile
from ops.commands.register_reports import show_register
from ops.commands.use_acts import in_own_name
from ops.config import load_settings
from ops.detect.seen import Seen as Event
from ops.printable import plain
from ops.reports.register import BORROWINGS
from ops.rules import rules_of
from ops.use import applications, consulted, late
from ops.use import register as loans
from schemas.rulebook import RuleBook
from store.contracts import Contract
from streams.kafka import kafka_of

T = TypeVar("T")
As = Annotated[Path, typer.Option("--as", help="Your key file, of any registered principal.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Policies = Annotated[Path | None, typer.Option(help="Folder with rules.toml and catalogue.toml, as the workers have.")]
Application = Annotated[str, typer.Argument(help="The application's id.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan use`` to the command line."""
    group = typer.Typer(help="Use: apply, sign, give back; the borrowing register.", no_args_is_help=True)
    use_requests.register(group)
    use_copies.register(group)
    for name, command in (
        ("list", list_applications),
        ("show", show),
        ("withdraw", withdraw),
        ("overdue", overdue),
        ("register", borrowing),
        ("consulted", contract),
        ("contracts", contracts),
    ):
        group.command(name)(command)
    app.add_typer(group, name="use")


def list_applications(
    applicant: Annotated[str | None, typer.Option(help="Only this principal's.")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for a signature.")] = False,
    as_json: Json = False,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show applications, how far each is, and whose turn it is."""
    found = _look(
        home,
        policies,
        lambda at, book: applications.seen(at, book, now=time.time(), applicant=applicant, waiting=waiting),
    )
    if as_json:
        _write([each.as_dict() for each in found])
        return
    rows = table("application", "applicant", "purpose", "of", "from", "until", "standing", "next post")
    for each in found:
        one = each.application
        of = ", ".join(one.request["records"]) or _pairs(one.request["selection"])
        cells = (one.id, one.applicant, one.request["purpose"], of, day(one.not_before), day(one.not_after))
        rows.add_row(*map(plain, (*cells, each.standing, one.next_post or "")))
    Console().print(rows)


def show(
    application: Application,
    out: Annotated[Path | None, typer.Option(help="Write the application, for dangan approve.")] = None,
    as_json: Json = False,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show one application: what is asked for, who signed, who is next. With --out: the file that signers sign."""
    seen = _look(home, policies, lambda at, book: applications.one(at, book, application, now=time.time()))
    one = seen.application
    if out is not None:
        out.write_text(json.dumps(dict(one.request), indent=1, ensure_ascii=False) + "\n", "utf-8")
        _told(f"wrote {out}; next: dangan approve {out} --requester {one.applicant} --action approve-use --key KEYFILE")
        return
    if as_json:
        _write(seen.as_dict())
        return
    facts = table("what", "value")
    said = {name: value for name, value in one.request.items() if value and name not in ("id", "type")}
    turn = {
        "standing": seen.standing,
        "next post": one.next_post or "nobody",
        "signers' department": one.signing_department,
    }
    for name, value in {"application": one.id, "applicant": one.applicant, **said, **turn}.items():
        facts.add_row(plain(name), plain(_said(value)))
    Console().print(facts)
    steps = table("signed", "by", "post", "at", "reason")
    for step in one.steps:
        steps.add_row(*map(plain, (step.action, step.by, step.post, day(step.at), step.reason or "")))
    Console().print(steps)


def withdraw(application: Application, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Take your own application back, before it is decided."""
    in_own_name(home, key, passphrase_file, lambda at: applications.withdraw(at, application, now=time.time()))
    _told(f"{application} is withdrawn")


def overdue(as_json: Json = False, policies: Policies = None, home: Home = None) -> None:
    """Show uses that were not given back in time, and emergencies that nobody signed.

    Each is told once as an audit event; an emergency that was not signed loses its grant. Run it daily. Exit status 1
    when something is overdue.
    """
    found = _look(home, policies, lambda at, book: late.late(at, book, now=time.time()))
    if as_json:
        _write([{"application": one.application.id, "applicant": one.application.applicant, "what": one.what,
                 "due": one.due} for one in found])  # fmt: skip
    else:
        rows = table("application", "who", "purpose", "what", "since")
        for one in found:
            it = one.application
            rows.add_row(*map(plain, (it.id, it.applicant, it.request["purpose"], _WHAT[one.what], day(one.due))))
        Console().print(rows)
    if any(one.what != "expire" for one in found):
        raise typer.Exit(1)


_WHAT = {
    "expire": "has ended",
    "overdue": "was not given back",
    "unsigned_emergency": "emergency without its signatures",
}


def borrowing(
    borrower: Annotated[str | None, typer.Option(help="Only this principal's.")] = None,
    as_json: Json = False,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show the borrowing register: who had which records out, for what, from when to when, and what was done."""
    found = _look(home, policies, lambda at, book: loans.loans(at, book, now=time.time(), borrower=borrower))
    if as_json:
        _write([loan.as_dict() for loan in found])
        return
    lines = [
        {
            "borrower": loan.borrower, "records": ", ".join(loan.records), "purpose": loan.purpose,
            "approved by": ", ".join(loan.approved_by), "out": day(loan.out),
            "in": day(loan.back) if loan.back is not None else "", "usage": loan.usage,
            "copies left": str(loan.copies or ""), "standing": loan.standing,
        }
        for loan in found
    ]  # fmt: skip
    show_register(BORROWINGS, lines, report, language, organisation)


def contract(
    reference: Annotated[str, typer.Argument(metavar="CONTRACT", help="The contract's file reference.")],
    party: Annotated[str, typer.Option(help="The customer: the subject's reference in the records.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Record that you are about to sign a contract with a customer, whose archive you have consulted before."""
    in_own_name(home, key, passphrase_file, lambda at: consulted.record(at, reference, party))
    found = _unread(home)
    if any(each.id == reference for each in found):
        _told(f"{reference} is recorded; you have NOT read an archive of {party} yet: do so before you sign")
        raise typer.Exit(1)
    _told(f"{reference} is recorded; the consultation is in the audit stream")


def contracts(as_json: Json = False, home: Home = None) -> None:
    """Show contracts whose party's archive the responsible person had not read before (clause USE-16)."""
    found = _unread(home)
    if as_json:
        _write([asdict(each) for each in found])
        return
    rows = table("contract", "party", "responsible", "recorded")
    for each in found:
        rows.add_row(*map(plain, (each.id, each.party, each.responsible, day(each.at_ms // 1000))))
    Console().print(rows)


def _unread(home: Path | None) -> list[Contract]:
    from ops.detect.source import events_on_topic  # noqa: PLC0415 - only this command reads the stream

    every = _look(home, None, lambda at, _book: consulted.recorded(at))
    parties = frozenset(each.party for each in every)

    def wanted(event: Event) -> bool:
        return consulted.concerns(parties, event)

    events = asyncio.run(events_on_topic(kafka_of(load_settings(home)), None, wanted=wanted)) if every else ()
    return consulted.not_consulted(every, events)


def _look(home: Path | None, policies: Path | None, act: Callable[[Desk, RuleBook], Awaitable[T]]) -> T:
    """Run what changes nothing but the note of what was told."""
    settings = load_settings(home)
    book = rules_of(settings, policies).book

    async def run() -> T:
        async with desk(settings) as at:
            return await act(at, book)

    return asyncio.run(run())


def _pairs(selection: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(selection.items()))


def _said(value: object) -> str:
    if isinstance(value, dict):
        return _pairs(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _write(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.flush()


def _told(words: str) -> None:
    Console().print(plain(words), soft_wrap=True)
