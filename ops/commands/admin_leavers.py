"""``dangan admin principal handover`` and ``leave``: nobody leaves with customer information (clause SEC-14)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from ops.audited import Desk
from ops.commands.admin_acts import As, Home, as_operator, look, now
from ops.commands.keys import PassphraseFile
from ops.people import hand_over
from ops.people.documents import read_hand_over, read_tokens, show_document, write_document
from ops.people.permissions import people_rules
from ops.printable import plain
from schemas.errors import DanganError
from schemas.staff import StaffHandOver


def handover(
    principal: Annotated[str, typer.Argument(help="Who leaves, or changes post.")],
    successor: Annotated[str, typer.Option(help="Who takes over and confirms it.")],
    out: Annotated[Path, typer.Option(help="The list to write; must not exist yet.")],
    media: Annotated[
        list[str] | None, typer.Option(help="Reference of a paper, drive or working copy handed over; repeatable.")
    ] = None,
    destroy: Annotated[
        list[str] | None, typer.Option(help="Reference of what nobody needs: two persons destroy it; repeatable.")
    ] = None,
    home: Home = None,
) -> None:
    """Write the list of all that a person holds (交接清单): records in custody, grants, keys, and what you add.

    The successor signs it with dangan approve --action take-over, two persons with --action approve-destroy where
    anything is to be destroyed; then: dangan admin principal leave --list FILE --approval FILE.
    """
    document = look(
        home,
        lambda at: hand_over.draw_up(
            at.database, principal, successor, now=now(), media=media or (), destroy=destroy or ()
        ),
    )
    write_document(document, out)
    counts = f"{len(document.records)} records, {len(document.grants)} grants, {len(document.keys)} keys"
    Console().print(plain(f"{out} is written: {counts}"), soft_wrap=True)


def leave(
    principal: Annotated[str, typer.Argument(help="Who leaves.")],
    listed: Annotated[Path | None, typer.Option("--list", help="The hand-over list, as handover wrote it.")] = None,
    approval: Annotated[list[Path] | None, typer.Option(help="What dangan approve printed; repeatable.")] = None,
    stays: Annotated[bool, typer.Option(help="Only hand over: who changes post keeps the account.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show what would be handed over, and do nothing.")] = False,
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Close a leaver's account: custody goes to the successor, grants end, keys are revoked."""
    document = read_hand_over(listed) if listed is not None else None
    if document is not None and document.principal != principal:
        raise DanganError("DG-SEC-015", field=principal)
    if dry_run:
        if document is not None:
            show_document(Console(), document, "the administrator")
        Console().print("nothing was done")
        return
    tokens = read_tokens(approval)
    as_operator(home, key, passphrase_file, lambda at: _leave(at, principal, document, tokens, closes=not stays))
    done = "has handed over" if stays else "has left"
    Console().print(plain(f"{principal} {done}"))


async def _leave(
    at: Desk, principal: str, document: StaffHandOver | None, tokens: tuple[str, ...], *, closes: bool
) -> None:
    people = people_rules(at.settings)
    if document is None:
        await hand_over.leave(at, principal, people, now=now())
    else:
        await hand_over.complete(at, document, tokens, people, now=now(), closes=closes)


#: Further commands of ``dangan admin principal``.
COMMANDS: Final = (("handover", handover), ("leave", leave))
