"""``dangan incident``: report, contain, find out who read what, tell who must be told, mend, close (泄露应急处置)."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands import incident_after
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import Home, Policies
from ops.commands.incident_acts import As, Incident, as_responsible, described, lines_of, targets_of, told
from ops.commands.keys import PassphraseFile, read_key_file
from ops.commands.request import Trusted, ask
from ops.config import load_settings
from ops.incidents import handling
from ops.incidents.handling import Incidents
from ops.listing import Form, put_out
from ops.printable import plain
from schemas.errors import DanganError
from schemas.incidents import Thaw, incident_reference
from schemas.registers import Entry
from schemas.replies import Result
from store.freezes import Freeze
from store.incidents import IncidentWords

Records = Annotated[list[str] | None, typer.Option("--record", help="A record; repeatable.")]
People = Annotated[list[str] | None, typer.Option("--principal", help="A person or system; repeatable.")]
Departments = Annotated[list[str] | None, typer.Option("--department", help="A department; repeatable.")]
Again = Annotated[str | None, typer.Option("--id", help="The id of an earlier try: sent again, it counts once.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan incident`` to the command line."""
    group = typer.Typer(
        help="Incidents (泄露、毁损、丢失): anybody reports; freezing takes one person, thawing two.",
        no_args_is_help=True,
    )
    group.command("report", no_args_is_help=True)(report)
    group.command("list", no_args_is_help=True)(list_incidents)
    group.command("show", no_args_is_help=True)(show)
    group.command("take", no_args_is_help=True)(take)
    group.command("freeze", no_args_is_help=True)(freeze)
    group.command("thaw", no_args_is_help=True)(thaw)
    incident_after.register(group)
    app.add_typer(group, name="incident")


def report(
    kind: Annotated[str, typer.Argument(help="leak, loss or tampering.")],
    key: As,
    record: Records = None,
    principal: People = None,
    department: Departments = None,
    known: Annotated[bool, typer.Option("--known/--suspected", help="How sure it is.")] = False,
    freeze_now: Annotated[
        bool, typer.Option("--freeze", help="Suspend what is named at once, if your post may.")
    ] = False,
    description: Annotated[
        Path | None, typer.Option(help="A text file, up to 500 characters; only those who answer for it can open it.")
    ] = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Report a known or suspected leak, loss or tampering. It is told at once; do not wait to be sure."""
    name = command_id or str(uuid.uuid4())
    members = {
        "kind": kind,
        "certainty": "known" if known else "suspected",
        "freeze": freeze_now,
        **targets_of(record, principal, department),
    }
    if description is not None:
        members["description"] = described(description)
    result = ask(load_settings(home), key, passphrase_file, trust, lambda at: at.publish("report", members, name))
    number = incident_reference(read_key_file(key, passphrase_file).principal, name)
    told(f"incident {number} is open; those who answer for it know. Next: dangan incident show {number}")
    _warn(result)


def freeze(
    incident: Incident,
    key: As,
    record: Records = None,
    principal: People = None,
    department: Departments = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Suspend access at once: to records, or by principals and departments. One person suffices.

    Every read, search, page and change of it, or by them, is refused within two seconds.
    """
    members = {"incident": incident, **targets_of(record, principal, department)}
    name = command_id or str(uuid.uuid4())
    ask(load_settings(home), key, passphrase_file, trust, lambda at: at.publish("contain", members, name))
    told(f"frozen under {incident}; thaw it with two signatures: dangan incident thaw {incident} --out FILE")


def take(
    incident: Incident, key: As, passphrase_file: PassphraseFile = None, policies: Policies = None, home: Home = None
) -> None:
    """Take a report in hand: from now on it no longer counts as unhandled."""

    async def act(at: Desk, rules: Rules) -> Entry:
        return await Incidents(at, rules).step(incident, "take", {}, now=int(time.time()))

    entry = as_responsible(home, key, passphrase_file, act, policies)
    told(f"{entry.id} is in your hands")


def list_incidents(
    key: As,
    unhandled: Annotated[bool, typer.Option("--unhandled", help="Only what nobody has taken in hand.")] = False,
    state: Annotated[str | None, typer.Option(help="reported, handling, rectified or closed.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List incidents, the oldest first. With --unhandled, exit status 1 when there is one."""

    async def act(at: Desk, _: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": "incidents"}))
        lines = handling.listed(at.database, now=int(time.time()), unhandled=unhandled, state=state)
        return await put_out(Console(), "incidents", handling.LISTED, lines, Form(as_json, file, limit))

    if as_responsible(home, key, passphrase_file, act, policies) and unhandled:
        raise typer.Exit(1)


def show(
    incident: Incident, key: As, passphrase_file: PassphraseFile = None, policies: Policies = None, home: Home = None
) -> None:
    """Show an incident: its description if it is sealed to you, its steps, and what is frozen."""

    async def act(at: Desk, rules: Rules) -> tuple[Entry, list[Freeze], bytes | None]:
        incidents = Incidents(at, rules)
        entry = await incidents.entry(incident)
        await at.record("query", verb="list", record=incident, digest=stored_digest({"list": "incident"}))
        words = await IncidentWords(at.database).get(incident, at.operator)
        return entry, await incidents.frozen(incident), words

    entry, frozen, words = as_responsible(home, key, passphrase_file, act, policies)
    console = Console()
    if words is not None:
        console.print(plain(lines_of(words, read_key_file(key, passphrase_file))), soft_wrap=True)
    table = Table("when", "step", "by", "said", title=plain(f"{entry.id}: {entry.kind}, {entry.state}"))
    for step in entry.steps:
        said = "; ".join(f"{name}: {' '.join(v) if isinstance(v, tuple) else v}" for name, v in step.said.items())
        table.add_row(time.strftime("%F %T", time.localtime(step.at)), step.verb, plain(step.by), plain(said))
    console.print(table)
    holds = Table("frozen", "what", "since", "by")
    for each in frozen:
        since = time.strftime("%F %T", time.localtime(each.at))
        holds.add_row(each.kind, plain(each.target), since, plain(each.by))
    console.print(holds)


def thaw(
    incident: Incident,
    key: As,
    out: Annotated[Path | None, typer.Option(help="Write the request that is to be signed, and end.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the request; without personal data.")] = "handled",
    record: Records = None,
    principal: People = None,
    department: Departments = None,
    request: Annotated[Path | None, typer.Option(help="The signed request.")] = None,
    approval: Annotated[list[Path] | None, typer.Option(help="A file with a signature; repeatable.")] = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Open again what is frozen: two posts sign, each another person.

    First --out FILE (all that is frozen, or what is named), then dangan approve FILE --requester YOU --key KEYFILE by
    each post in incident.thaw, then --request FILE with --approval for each signature.
    """
    if (out is None) == (request is None):
        raise DanganError("DG-OPS-035", field="--out or --request")

    async def written(at: Desk, rules: Rules) -> None:
        named = targets_of(record, principal, department)
        if not named:
            found = await Incidents(at, rules).frozen(incident)
            kinds = {"record": "records", "principal": "principals", "department": "departments"}
            for each in found:
                named.setdefault(kinds[each.kind], []).append(each.target)
        document = Thaw(id=str(uuid.uuid4()), type="thaw", incident=incident, reason=reason, **named)  # type: ignore[arg-type] # checked by the model
        text = json.dumps(document.model_dump(mode="json", exclude={"approvals"}), indent=1, ensure_ascii=False)
        (out or Path()).write_text(text + "\n", "utf-8")

    async def done(at: Desk, rules: Rules) -> tuple[str, ...]:
        return await Incidents(at, rules).thaw(_signed(request or Path(), approval or ()), now=int(time.time()))

    if out is not None:
        as_responsible(home, key, passphrase_file, written, policies)
        told(f"wrote {out}; next: dangan approve {out} --requester YOU --key KEYFILE, by each post in incident.thaw")
        return
    signers = as_responsible(home, key, passphrase_file, done, policies)
    told(f"thawed under {incident}, signed by {', '.join(signers)}")


def _signed(request: Path, approvals: list[Path] | tuple[()]) -> Thaw:
    try:
        parts = json.loads(request.read_text("utf-8"))
        tokens = [file.read_text("ascii").strip() for file in approvals]
        return Thaw.model_validate({**parts, "approvals": tuple(tokens)})
    except (OSError, ValueError, TypeError) as error:
        raise DanganError("DG-OPS-035", field=str(request), detail=type(error).__name__) from None


def _warn(result: Result) -> None:
    """Tell loudly what a taken report could not do."""
    if result.code is not None:
        warning = DanganError(result.code)
        Console(stderr=True).print(
            plain(f"warning: {warning.code} {result.message} -> {result.next_step}"), style="bold red", soft_wrap=True
        )
