"""``dangan inspect sample``: a random sample that is committed to, drawn, examined and closed (随机抽取10%)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import Home, Policies
from ops.commands.inspect_runs import As, Asked, Language, Organisation, To, act, kept, now, tell
from ops.commands.keys import PassphraseFile
from ops.inspections import papers_of_kinds, samples
from ops.listing import Form
from ops.listing import put_out as put_list
from ops.printable import plain
from ops.registers import Book
from schemas.errors import DanganError
from schemas.inspections import SAMPLES
from schemas.registers import Entry, Said
from store.inspections import Run

Sample = Annotated[str, typer.Argument(help="The sample's id, for instance sample-2026-1.")]
_EXAMINERS: Final = ("compliance", "auditor")
_LISTED: Final = ("number", "record", "missing")


def register(group: typer.Typer) -> None:
    """Add ``sample`` to the group ``dangan inspect``."""
    sub = typer.Typer(help="Random samples that nobody can choose and everybody can check.", no_args_is_help=True)
    for name, command in (
        ("commit", commit),
        ("draw", draw),
        ("verify", verify),
        ("show", show),
        ("record", record),
        ("close", close),
    ):
        sub.command(name, no_args_is_help=True)(command)
    group.add_typer(sub, name="sample")


def commit(
    sample: Sample,
    seed_file: Annotated[Path, typer.Option(help="New file for the seed; keep it to yourself until the drawing.")],
    key: As,
    percent: Annotated[int | None, typer.Option(min=10, max=100, help="How many in a hundred.")] = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Draw a seed and publish its commitment as an audit event, before the archives are listed."""

    async def run(desk: Desk, rules: Rules) -> Entry:
        return await samples.commit(desk, sample, seed_file, percent or rules.book.inspection.sample_percent, now=now())

    entry = act(Asked(home, key, passphrase_file, policies), run, roles=_EXAMINERS)
    _say(f"{sample}: committed to {entry.text('commitment')}; the seed is in {seed_file}")


def draw(
    sample: Sample,
    seed_file: Annotated[Path, typer.Option(help="The file that commit wrote.")],
    out: Annotated[Path, typer.Option(help="New file for the drawing; the list of archives goes beside it.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Reveal the seed and draw from the archives that were there when it was committed to."""
    try:
        seed = bytes.fromhex(seed_file.read_text("ascii").strip())
    except (OSError, ValueError):
        raise DanganError("DG-INS-011", field=str(seed_file)) from None

    async def run(desk: Desk, _: Rules) -> Entry:
        return await samples.draw(desk, sample, seed, out, now=now())

    entry = act(Asked(home, key, passphrase_file), run, roles=_EXAMINERS)
    _say(f"{sample}: {entry.text('size')} of {entry.text('population')} archives; anybody can check {out}")


def verify(file: Annotated[Path, typer.Argument(help="The drawing, with its list of archives beside it.")]) -> None:
    """Check a drawing by its two files alone; compare the commitment with the audit event of before."""
    if wrong := samples.check_files(file):
        raise DanganError("DG-INS-043", field=str(file), detail="; ".join(wrong))
    _say(f"good: {file} is what the seed draws, and the seed is the one that was committed to")


def show(
    sample: Sample,
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List the drawn archives, with the key business steps (关键业务环节) that nothing is recorded of."""

    async def look(desk: Desk, rules: Rules) -> int:
        await desk.record("query", verb="list", record=sample, digest=stored_digest({"list": "sample"}))
        found = await samples.examine(desk, rules.book, sample)
        return await put_list(Console(), sample, _LISTED, _lines(found), Form(as_json, file, limit))

    act(Asked(home, key, passphrase_file, policies), look, roles=_EXAMINERS)


async def _lines(found: list[samples.Examined]) -> AsyncGenerator[Mapping[str, str]]:
    for number, each in enumerate(found, 1):
        yield {"number": str(number), "record": each.record, "missing": " ".join(each.missing)}


def record(
    sample: Sample,
    key: As,
    name: Annotated[str | None, typer.Option("--record", help="The record that was examined.")] = None,
    incomplete: Annotated[
        list[str] | None, typer.Option(help="A key step without a record; several by repeating. None: complete.")
    ] = None,
    note: Annotated[str, typer.Option(help="More: a file reference, nothing personal.")] = "",
    all_complete: Annotated[
        bool, typer.Option("--all-complete", help="Record every drawn archive whose steps are all recorded.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Record what was found of a drawn archive; what is recorded once stays."""
    if (name is None) != all_complete:
        raise typer.BadParameter("name one record, or --all-complete", param_hint="--record")

    async def run(desk: Desk, rules: Rules) -> int:
        if name is not None:
            result = "incomplete" if incomplete else "complete"
            await samples.record(desk, sample, name, result, now=now(), missing=incomplete or (), note=note)
            return 1
        complete = [each.record for each in await samples.examine(desk, rules.book, sample) if not each.missing]
        for each in complete:
            await samples.record(desk, sample, each, "complete", now=now())
        return len(complete)

    _say(f"{sample}: {act(Asked(home, key, passphrase_file, policies), run, roles=_EXAMINERS)} recorded")


def close(
    sample: Sample,
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Close a sample whose archives are all examined, and report. Exit status 1 when something was incomplete."""
    asked = Asked(home, key, passphrase_file, None, report, language, organisation)

    async def run(desk: Desk, _: Rules) -> tuple[Run, Entry]:
        book = Book(desk, SAMPLES)
        found, entry = await samples.outcome(desk, sample), await book.entry(sample)
        made = await kept(desk, "sample", found, since=0, until=entry.steps[0].at)
        said: dict[str, Said] = {"incomplete": found.counts["incomplete"], "inspection": made.id}
        return made, await book.follow(sample, "close", said, now=now())

    made, entry = act(asked, run, roles=_EXAMINERS)
    tell(asked, made, papers_of_kinds.drawing(entry))


def _say(text: str) -> None:
    Console().print(plain(text), soft_wrap=True)
