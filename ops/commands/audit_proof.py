"""``dangan audit prove``, ``prove-growth`` and ``check-proof``: small proofs that a regulator checks alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ops.audit_files import files_of, new_file, read_kept
from ops.audit_proofs import prove_event, prove_growth
from ops.commands.audit_view import line_of, read_event
from ops.config import load_settings
from schemas.errors import DanganError
from schemas.trust import Trust, load_trust
from streams.audit.checkpoint import Checkpoint
from streams.audit.proof import MAX_BYTES, InclusionProof, Proof, check_proof, parse_proof

In = Annotated[
    list[Path], typer.Option("--in", help="An export, or an archive's folder; several, in order, by repeating.")
]
Out = Annotated[Path, typer.Option(help="New file for the proof.")]
TrustFile = Annotated[Path | None, typer.Option(help="Trust file; by default HOME/trust.json.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the installation.")]


def add(audit: typer.Typer) -> None:
    """Add the commands to ``dangan audit``."""
    audit.command()(prove)
    audit.command("prove-growth")(prove_growth_)
    audit.command("check-proof")(check)


def prove(
    event_id: Annotated[str, typer.Argument(help="The event's id: metadata.uid in dangan audit tail --json.")],
    *,
    files: In,
    out: Out,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Prove it under this checkpoint, for instance one that the reader keeps.")
    ] = None,
    trust: TrustFile = None,
    home: Home = None,
) -> None:
    """Prove that one event stands unaltered under a signed checkpoint. The proof is text, some 2 KiB.

    Whoever gets it needs the trust file and nothing else: dangan audit check-proof PROOF --trust trust.json
    """
    known = _trust(trust, home)
    with _reading(files) as advance:
        held = prove_event(files, event_id, read_kept(checkpoint) if checkpoint else None, advance)
    _write(held, known, out)


def prove_growth_(
    older: Annotated[Path, typer.Argument(help="File with the checkpoint that was kept.")],
    later: Annotated[Path, typer.Argument(help="File with a later checkpoint of the same writer.")],
    *,
    files: In,
    out: Out,
    writer: Annotated[str | None, typer.Option(help="Whose checkpoints, if the files hold several writers'.")] = None,
    trust: TrustFile = None,
    home: Home = None,
) -> None:
    """Prove that nothing before an older checkpoint was changed up to a later one."""
    known = _trust(trust, home)
    before, after = (_note_of(path, writer) for path in (older, later))
    with _reading(files) as advance:
        held = prove_growth(files, before, after, advance)
    _write(held, known, out)


def check(
    proof: Annotated[Path, typer.Argument(help="What dangan audit prove or prove-growth wrote.")],
    *,
    trust: TrustFile = None,
    home: Home = None,
) -> None:
    """Check a proof with the trust file alone: no server, no export. Exit status 1 if it does not hold."""
    known = _trust(trust, home)
    try:
        with proof.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DanganError("DG-AUD-005", field=str(proof), detail=error.strerror) from error
    held = parse_proof(data)
    check_proof(held, known)
    _tell(held, len(data))


def _write(proof: Proof, trust: Trust, out: Path) -> None:
    check_proof(proof, trust)  # what the reader will do: a proof that fails is not handed out
    data = proof.text()
    with new_file(out) as file:
        file.write(data)
    _tell(proof, len(data))


def _tell(proof: Proof, size: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if isinstance(proof, InclusionProof):
        note = proof.checkpoint
        console.print(f"Proved: event {proof.index} of {note.writer}, under its checkpoint over {note.size} events.")
        if (event := read_event(proof.event)) is not None:
            console.print(line_of(event))
    else:
        console.print(
            f"Proved: the {proof.later.size} events of {proof.later.writer} begin with the {proof.older.size} events "
            "of the older checkpoint, unchanged."
        )
    console.print(f"{size} bytes", style="dim")


def _note_of(path: Path, writer: str | None) -> Checkpoint:
    notes = [note for note in read_kept(path) if writer in (None, note.writer)]
    if len({note.writer for note in notes}) > 1:
        raise DanganError("DG-AUD-005", field=str(path), detail="checkpoints of several writers: name one, --writer")
    if not notes:
        raise DanganError("DG-AUD-007", field=str(path))
    return notes[-1]


def _trust(path: Path | None, home: Path | None) -> Trust:
    path = path or load_settings(home).home / "trust.json"
    try:
        return load_trust(path.read_bytes())
    except OSError as error:
        raise DanganError("DG-AUD-005", field=str(path), detail=error.strerror) from error


@contextmanager
def _reading(files: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """A progress bar over two readings of the files.

    Raises:
        DanganError: DG-AUD-005 when one of them is not there.
    """
    paths = list(files_of(files))
    for path in paths:
        if not path.is_file():
            raise DanganError("DG-AUD-005", field=str(path), detail="there is no such file")
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=2 * sum(path.stat().st_size for path in paths))
        yield lambda done: progress.advance(task, done)
