"""``dangan inspect evidence``: what auditors get to read, signed, and checked where there is no archive (审计证据)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from consumers.rules import Rules
from ops.audited import Desk
from ops.commands.arranging import Home, Policies
from ops.commands.inspect_runs import As, Asked, act, now
from ops.commands.keys import PassphraseFile, read_key_file
from ops.inspections import evidence as sets
from ops.printable import plain
from ops.public_keys import read_public_keys
from ops.rules import policy_root
from schemas.errors import DanganError
from schemas.working_days import CHINA

_MAKERS: Final = ("auditor", "compliance", "archivist")


def register(group: typer.Typer) -> None:
    """Add the commands to the group ``dangan inspect``."""
    group.command("evidence", no_args_is_help=True)(evidence)
    group.command("check-evidence", no_args_is_help=True)(check_evidence)


def evidence(
    begin: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    end: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="A new folder for the evidence.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Write the evidence set for an audit: registers, inspections, loans, destructions, rules; read-only and signed.

    No value of a record and no key is in it. Your signature stands under the manifest.
    """
    since = int(begin.replace(tzinfo=CHINA).timestamp())
    until = int((end.replace(tzinfo=CHINA) + timedelta(days=1)).timestamp()) - 1
    signer = read_key_file(key, passphrase_file).signing

    async def run(desk: Desk, rules: Rules) -> dict[str, str]:
        root = policy_root(policies or desk.settings.policies)
        return await sets.collect(desk, rules.book, signer, out, root, since=since, until=until, now=now())

    files = act(Asked(home, key, passphrase_file, policies), run, roles=_MAKERS)
    Console().print(plain(f"wrote {len(files)} files, {sets.MANIFEST} and {sets.SIGNATURE} to {out}"), soft_wrap=True)


def check_evidence(
    folder: Annotated[Path, typer.Argument(help="The folder that evidence wrote.")],
    public: Annotated[Path, typer.Option(help="Public keys of who made it (dangan keys show).")],
) -> None:
    """Check an evidence set: signature, and every file by its digest. Needs no archive."""
    try:
        keys = read_public_keys(public.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-033", field=str(public), detail=type(error).__name__) from None
    if wrong := sets.check(folder, keys.signing):
        raise DanganError("DG-INS-042", field=str(folder), detail="; ".join(wrong))
    Console().print(plain(f"good: {folder} is as {keys.principal} signed it"), soft_wrap=True)
