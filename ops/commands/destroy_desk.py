"""``dangan destroy``: jobs and their confirmation, the register, customers' requests, recorded needs."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import typer
from rich.console import Console

from consumers.destruction.keeping import today
from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.inspect_runs import Language, Organisation, To
from ops.commands.keys import PassphraseFile
from ops.commands.register_reports import write_register
from ops.destructions import requests
from ops.destructions.confirming import CONFIRMERS
from ops.destructions.confirming import confirm as confirm_job
from ops.destructions.jobs import JOBS, REGISTER, Job, line, register_line
from ops.destructions.jobs import jobs as find_jobs
from ops.listing import Form, put_out
from ops.printable import plain
from ops.reports.register import DESTRUCTIONS
from schemas.registers import Entry, Said

Lines = AsyncGenerator[Mapping[str, str]]
#: Who answers customers' requests.
_ANSWERERS = ("archivist", "custodian", "privacy")


def add(group: typer.Typer) -> None:
    """Add the commands to ``dangan destroy``."""
    group.command("jobs")(jobs)
    group.command("confirm", no_args_is_help=True)(confirm)
    group.command("register")(register)
    erasure = typer.Typer(help="Customers' requests for deletion: receive, refuse, begin, list.", no_args_is_help=True)
    for name, command in (("receive", receive), ("refuse", refuse), ("begin", begin), ("list", erasures)):
        erasure.command(name)(command)
    group.add_typer(erasure, name="erasure")
    need = typer.Typer(help="Needs to keep records: none is destroyed while one stands.", no_args_is_help=True)
    for name, act in (("add", add_need), ("lift", lift_need), ("list", needs)):
        need.command(name)(act)
    group.add_typer(need, name="need")


def jobs(
    key: As,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List destructions that are not closed: what is missing, and since when."""

    def shown(job: Job) -> Mapping[str, str] | None:
        return line(job, now=_now()) if everything or job.missing else None

    _jobs(home, key, passphrase_file, policies, Form(as_json, file, limit), ("destruction jobs", JOBS), shown)


def register(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """The destruction register (销毁记录): who asked, approved, executed, watched and confirmed what; no content."""
    form = Form(as_json, file, limit)
    if report is not None:

        async def lines(at: Desk, rules: Rules) -> list[Mapping[str, str]]:
            await at.record("query", verb="list", digest=stored_digest({"list": "destruction register"}))
            found = await find_jobs(at.database, paper_required=rules.book.destroy.paper_required)
            return [register_line(job) for job in found]

        kept = as_arranger(home, key, passphrase_file, lines, policies, roles=CONFIRMERS)
        write_register(DESTRUCTIONS, kept, report, language, organisation)
        return
    _jobs(home, key, passphrase_file, policies, form, ("destruction register", REGISTER), register_line)


def _jobs(
    home: Home,
    key: As,
    passphrase_file: PassphraseFile,
    policies: Policies,
    form: Form,
    heading: tuple[str, Sequence[str]],
    shown: Callable[[Job], Mapping[str, str] | None],
) -> None:
    async def act(at: Desk, rules: Rules) -> int:
        async def lines() -> Lines:
            for job in await find_jobs(at.database, paper_required=rules.book.destroy.paper_required):
                if (said := shown(job)) is not None:
                    yield said

        return await _put(at, heading[0], heading[1], lines(), form)

    as_arranger(home, key, passphrase_file, act, policies, roles=CONFIRMERS)


def confirm(
    job: Annotated[str, typer.Argument(help="The destroy command's id, as dangan destroy jobs shows it.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Try to read everything that a job destroyed, and confirm that nothing can be read (销毁确认).

    By somebody who neither applied for it nor carried it out, after the sweep.
    """

    async def act(at: Desk, _: Rules) -> tuple[Job, Entry]:
        return await confirm_job(at, job, now=_now())

    done, entry = as_arranger(home, key, passphrase_file, act, roles=CONFIRMERS, vault_role="sweeper")
    tried = f"{entry.text('records')} records stand as destroyed; Vault refused {entry.text('copies')} old page keys"
    Console().print(plain(f"confirmed: {tried}"), soft_wrap=True)
    if done.papers:
        Console().print(plain(f"still to be recorded: {', '.join(done.papers)}"), soft_wrap=True)


def receive(
    request: Annotated[str, typer.Argument(help="The request's reference.")],
    subject: Annotated[str, typer.Option(help="The customer's reference.")],
    key: As,
    received: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it came; today.")] = None,
    record: Annotated[list[str] | None, typer.Option(help="A record it is about; several by repeating.")] = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Enter a customer's request for deletion; from now on it has a deadline."""

    async def act(at: Desk, rules: Rules) -> Entry:
        day = received.date() if received else today(time.time())
        return await requests.receive(at, request, subject, day, rules.book, records=record or (), now=_now())

    entry = as_arranger(home, key, passphrase_file, act, policies, roles=_ANSWERERS)
    Console().print(plain(f"{entry.id} is to be answered by {entry.text('due')}"))


def refuse(
    request: Annotated[str, typer.Argument(help="The request's reference.")],
    ground: Annotated[Literal["law", "contract", "legal_hold", "need"], typer.Option(help="What forbids it.")],
    reference: Annotated[str, typer.Option(help="The text or contract, with its article.")],
    key: As,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until when it forbids it.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Refuse a customer's request with its legal or contractual ground."""
    said: dict[str, Said] = {"ground": ground, "reference": reference}
    if until is not None:
        said["until"] = until.date().isoformat()
    _answer(home, key, passphrase_file, request, "refuse", said)


def begin(
    request: Annotated[str, typer.Argument(help="The request's reference.")],
    order: Annotated[str, typer.Option(help="The destruction's id, from its request file.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Note that the destruction that a customer asked for has begun."""
    _answer(home, key, passphrase_file, request, "begin", {"order": order})


def erasures(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List customers' requests, their answers, and how long open ones are overdue."""

    async def act(at: Desk, rules: Rules) -> int:
        paper = rules.book.destroy.paper_required
        lines = requests.asked(at.database, today=today(time.time()), paper_required=paper)
        return await _put(at, "requests for deletion", requests.ASKED, lines, Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act, policies, roles=_ANSWERERS)


def add_need(
    reference: Annotated[str, typer.Argument(help="What the need is filed under.")],
    record: Annotated[list[str], typer.Option(help="A record that is needed; several by repeating.")],
    reason: Annotated[str, typer.Option(help="What for: a word or a file reference.")],
    department: Annotated[str, typer.Option(help="Who needs it.")],
    key: As,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until when.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Record that records are still needed."""
    said: dict[str, Said] = {"reason": reason, "department": department}
    if until is not None:
        said["until"] = until.date().isoformat()

    async def act(at: Desk, _: Rules) -> Entry:
        return await requests.need(at, reference, said, records=record, now=_now())

    entry = as_arranger(home, key, passphrase_file, act)
    Console().print(plain(f"{entry.id}: {len(record)} records are kept"))


def lift_need(
    reference: Annotated[str, typer.Argument(help="What the need is filed under.")],
    reason: Annotated[str, typer.Option(help="Why it is over: a word or a file reference.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Lift a recorded need."""

    async def act(at: Desk, _: Rules) -> Entry:
        return await requests.lift(at, reference, reason, now=_now())

    Console().print(plain(f"{as_arranger(home, key, passphrase_file, act).id} is lifted"))


def needs(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List recorded needs."""

    async def act(at: Desk, _: Rules) -> int:
        return await _put(at, "needs", requests.NEEDED, requests.needed(at.database), Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act)


def _answer(
    home: Home, key: As, passphrase_file: PassphraseFile, request: str, verb: str, said: Mapping[str, Said]
) -> None:
    async def act(at: Desk, _: Rules) -> Entry:
        return await requests.answer(at, request, verb, said, now=_now())

    entry = as_arranger(home, key, passphrase_file, act, roles=_ANSWERERS)
    Console().print(plain(f"{entry.id} is {entry.state}"))


async def _put(at: Desk, title: str, columns: Sequence[str], lines: Lines, form: Form) -> int:
    await at.record("query", verb="list", digest=stored_digest({"list": title}))
    return await put_out(Console(), title, columns, lines, form)


def _now() -> int:
    return int(time.time())
