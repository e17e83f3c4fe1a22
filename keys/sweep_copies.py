"""The copies that a sweep makes before it trims: written to every place, read back, and shown to Vault."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from keys.places import Place, Sink, digest
from keys.snapshot import Header, KeyCopy, SnapshotEncoder, SnapshotReader
from keys.sweep_state import CopyFile, Sweep
from keys.sweep_tools import Tools
from keys.vault import MAX_BATCH, KeyRefused
from keys.wrapped import Slots, WrappedKeys
from schemas.errors import DanganError

_CHUNK: Final = 1 << 18
_SUFFIX: Final = ".keys"


async def write_copies(tools: Tools, keys: WrappedKeys, sweep: Sweep) -> tuple[CopyFile, ...]:
    """Write every wrapped key of the root to every place, in one pass.

    Raises:
        DanganError: DG-SWP-004 naming the place that fails; no place keeps a part of a file.
    """
    file = f"{keys.root}.v{sweep.target:06d}.{sweep.id}.{sweep.epoch}{_SUFFIX}"
    encoder = SnapshotEncoder(Header(keys.root, sweep.id, sweep.target, tools.clock()))
    sinks: list[tuple[Place, Sink]] = []
    try:
        for place in tools.places:
            with _naming(place):
                sinks.append((place, place.create(file)))
        buffer = bytearray(encoder.start())
        async for each in keys.copies():
            buffer += encoder.add(each)
            if len(buffer) >= _CHUNK:
                _write(sinks, buffer)
                tools.on_progress(f"{keys.root}: copy", encoder.count, None)
        buffer += encoder.end()
        _write(sinks, buffer)
        for place, sink in sinks:
            with _naming(place):
                sink.commit()
    finally:
        for _, sink in sinks:
            sink.abandon()
    return tuple(CopyFile(place.name, file, encoder.file_sha256, encoder.count) for place in tools.places)


async def missing_from(tools: Tools, keys: WrappedKeys, copies: Sequence[CopyFile], needed: Slots) -> dict[str, int]:
    """Read the copies back and have Vault accept every key in them (rewrap: no key is revealed).

    Returns:
        What of ``needed`` the copies do not hold.

    Raises:
        DanganError: DG-SWP-004 when a place gives back something else than was written, or a key that
            Vault does not accept.
    """
    lacking = place_without(tools.places, copies)
    if lacking is not None:
        raise DanganError("DG-SWP-004", field=lacking, detail="a copy reads back differently")
    missing = dict(needed)
    # All places hold the same bytes, so one of them is read through.
    with _naming(tools.places[0]), tools.places[0].open(copies[0].file) as source:
        done = 0
        for batch in _batches(SnapshotReader(source)):
            results = await tools.transit.rewrap(keys.root, [each.wrapped_key for each in batch])
            if any(isinstance(result, KeyRefused) for result in results):
                raise DanganError("DG-SWP-004", detail="Vault refuses a key in the copies")
            for each in batch:
                if each.id in missing and not _still(missing, each):
                    del missing[each.id]
            done += len(batch)
            tools.on_progress(f"{keys.root}: check", done, copies[0].keys)
    return missing


def place_without(places: Sequence[Place], copies: Sequence[CopyFile]) -> str | None:
    """The first place that does not give back its copy with the digest that was written; None when all do.

    A place that does not answer counts as one without.
    """
    by_place = {copy.place: copy for copy in copies}
    for place in places:
        copy = by_place.get(place.name)
        try:
            if copy is None or digest(place, copy.file) != copy.sha256:
                return place.name
        except OSError:
            return place.name
    return None if copies else ""


def remove_older(places: Sequence[Place], sweep: Sweep) -> None:
    """Remove the root's copies that this sweep replaces: their root version is gone, nothing opens them.

    By version, so that a sweeper that wakes up late never removes a newer copy than its own. A place that
    fails here keeps dead files, which harm nobody.
    """
    for place in places:
        with contextlib.suppress(OSError):
            for file in place.files():
                if 0 < version_in(file, sweep.root) < sweep.target:
                    place.remove(file)


def version_in(file: str, root: str) -> int:
    """The root version in the name of one of the root's snapshot files; 0 for any other file."""
    found = re.fullmatch(re.escape(root) + r"\.v(\d+)\..+" + re.escape(_SUFFIX), file)
    return int(found[1]) if found else 0


def _write(sinks: Sequence[tuple[Place, Sink]], buffer: bytearray) -> None:
    for place, sink in sinks:
        with _naming(place):
            sink.write(bytes(buffer))
    buffer.clear()


@contextlib.contextmanager
def _naming(place: Place) -> Iterator[None]:
    """The place's failures as an error that names it."""
    try:
        yield
    except OSError as error:
        raise DanganError("DG-SWP-004", field=place.name, detail=error.strerror) from error


def _still(missing: dict[str, int], copy: KeyCopy) -> int:
    missing[copy.id] &= ~copy.mask
    return missing[copy.id]


def _batches(copies: Iterable[KeyCopy]) -> Iterator[list[KeyCopy]]:
    source = iter(copies)
    while batch := list(islice(source, MAX_BATCH)):
        yield batch
