"""The newest key-page snapshots in the backup places, ready for a restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from keys.pages import Page, root_of_kind
from keys.places import Place
from keys.snapshot import SnapshotReader
from keys.sweep_copies import version_in
from keys.wrapped import page_of
from schemas.errors import DanganError


def page_copies(places: Sequence[Place], kind: str, files: ExitStack) -> list[Iterator[Page]]:
    """The pages of the kind's newest snapshot, by ascending id; an empty list when no place has one.

    A file is read through before any page of it is used; a damaged one gives way to another place's.

    Args:
        places: where to look.
        kind: which pages: a level, or keys.pages.SEALED.
        files: closes what is opened.

    Raises:
        DanganError: DG-BAK-005 when there are snapshots of the newest version, and none of them is whole.
    """
    root = root_of_kind(kind)
    found = [(version_in(file, root), file, place) for place in places for file in _files(place)]
    newest = max((version for version, _, _ in found), default=0)
    candidates = [(file, place) for version, file, place in found if version == newest > 0]
    whole = [(made, file, place) for file, place in candidates if (made := _made_at(place, file)) is not None]
    if candidates and not whole:
        raise DanganError("DG-BAK-005", detail=candidates[0][0])
    if not whole:
        return []
    _, file, place = max(whole, key=lambda each: each[:2])
    reader = SnapshotReader(files.enter_context(place.open(file)))
    return [(page_of(copy, kind) for copy in reader)]


def _files(place: Place) -> list[str]:
    """What a place holds; nothing when it is lost: a sweep destroyed nothing before every place held the newest."""
    try:
        return place.files()
    except OSError:
        return []


def _made_at(place: Place, file: str) -> int | None:
    """When a snapshot was made; None when it is not whole."""
    try:
        with place.open(file) as source:
            reader = SnapshotReader(source)
            for _ in reader:
                pass
            return reader.header.made_at
    except (DanganError, OSError):
        return None
