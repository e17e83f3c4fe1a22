"""The list of places that may hold copies (指定存储): ``HOME/places.toml``, and what the rules demand of each.

    site = "shanghai-1"            # where the primary store is

    [[place]]
    name = "east"
    kind = "directory"
    path = "/srv/backups/east"
    site = "shanghai-2"
    encrypted = true               # the storage below it is
    approved = true

    [[place]]
    name = "cloud"
    kind = "s3"
    bucket = "archive-backups"
    endpoint = "https://..."       # left out: AWS
    credentials = "s3.credentials" # in the home folder, mode 600; left out: boto3's own chain
    site = "beijing-1"
    encrypted = true
    approved = true

Clauses STO-01 and STO-06. Every place takes key-page snapshots and sealed backups. Without the file the places are
the settings' ``backup_places``, which only rules that demand no list let pass.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from keys.places import DirectoryPlace, Place
from ops.backups.locations import is_personal
from ops.backups.s3 import S3Place
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.rule_tables.backup import Backup
from schemas.settings import Settings

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
_MOST: Final = 9


class _Listed(BaseModel):
    model_config = _STRICT

    name: Name
    site: Name | None = None
    encrypted: bool = False
    approved: bool = False


class ListedDirectory(_Listed):
    """A directory, for instance the mount of a backup volume."""

    kind: Literal["directory"] = "directory"
    path: Path


class ListedBucket(_Listed):
    """A bucket of S3-compatible storage."""

    kind: Literal["s3"]
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{0,200}$")] = ""
    endpoint: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=300)] | None = None
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    credentials: Path | None = None


Listed = Annotated[ListedDirectory | ListedBucket, Field(discriminator="kind")]


class PlaceList(BaseModel):
    """``places.toml``. ``site`` is the primary store's; None is unknown."""

    model_config = _STRICT

    site: Name | None = None
    place: Annotated[tuple[Listed, ...], Field(min_length=1, max_length=_MOST)]


def listed_places(settings: Settings) -> PlaceList:
    """The installation's places as they are listed, or the settings' directories, of which nothing more is known.

    Raises:
        DanganError: DG-BAK-025 when the file is not as the module's docstring shows, or names one place twice.
    """
    try:
        found = PlaceList.model_validate(tomllib.loads((settings.home / "places.toml").read_text("utf-8")))
    except FileNotFoundError:
        listed = [
            ListedDirectory.model_construct(name=path.name, path=path, site=None, encrypted=False, approved=False)
            for path in settings.backup_places
        ]
        return PlaceList.model_construct(site=None, place=tuple(listed))
    except ValidationError as error:
        raise DanganError("DG-BAK-025", detail=".".join(str(part) for part in error.errors()[0]["loc"])) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DanganError("DG-BAK-025", detail=type(error).__name__) from error
    names = [each.name for each in found.place]
    if len(set(names)) != len(names):
        raise DanganError("DG-BAK-025", detail="a name is given twice")
    wheres = [where for each in found.place for where in _where(settings.home, each)]
    if len(set(wheres)) != len(wheres):
        raise DanganError("DG-BAK-025", detail="two names for one place")
    return found


def _where(home: Path, each: ListedDirectory | ListedBucket) -> list[tuple[object, ...]]:
    """What tells a place from others, whatever it is called: two of one folder are one copy (STO-06)."""
    if isinstance(each, ListedBucket):
        endpoint = (each.endpoint or "").rstrip("/").lower()
        return [("s3", endpoint, each.bucket, each.prefix)]
    path = (home / each.path).resolve()
    try:
        found = path.stat()
    except OSError:  # not mounted, or not there yet
        return [("path", path)]
    return [("path", path), ("file", found.st_dev, found.st_ino)]  # a folder mounted twice is one folder


def check_place(each: ListedDirectory | ListedBucket, primary: str | None, rules: Backup) -> None:
    """Refuse a place that the rules allow nothing to be written to. Looks at the machine, writes nothing.

    Args:
        each: as it is listed.
        primary: the site of the primary store.
        rules: what is demanded.

    Raises:
        DanganError: DG-BAK-021 to -024, naming the place.
    """
    if rules.approved_places:
        if not each.approved:
            raise DanganError("DG-BAK-021", field=each.name)
        if isinstance(each, ListedDirectory) and is_personal(each.path):
            raise DanganError("DG-BAK-022", field=each.name)
    if rules.offsite_required and (each.site is None or primary is None or each.site == primary):
        raise DanganError("DG-BAK-023", field=each.name)
    if rules.encrypted_places and not each.encrypted:
        raise DanganError("DG-BAK-024", field=each.name)


def approved_places(settings: Settings, rules: Backup | None = None) -> list[Place]:
    """The places that take every copy, each allowed by the rules (STO-01, STO-06).

    Args:
        settings: the installation's.
        rules: what is demanded; by default what the settings' profile does.

    Raises:
        DanganError: DG-BAK-020 to -026 and -034. All are checked: a place that is not allowed stops the others too,
            so that nobody takes one copy for two.
    """
    demanded = rules or rules_of(settings).book.backup
    listed = listed_places(settings)
    if demanded.approved_places and not (settings.home / "places.toml").exists():
        raise DanganError("DG-BAK-020", field=listed.place[0].name)
    for each in listed.place:
        check_place(each, listed.site, demanded)
    if len(listed.place) < demanded.places:
        raise DanganError("DG-BAK-026", detail=f"{len(listed.place)} of {demanded.places}")
    return [_opened(settings.home, each) for each in listed.place]


def known_places(settings: Settings) -> list[Place]:
    """The places to read from: all that are listed. Nothing is demanded of them: what is there may be read.

    Raises:
        DanganError: DG-BAK-025 and -034.
    """
    return [_opened(settings.home, each) for each in listed_places(settings).place]


def check_folder(settings: Settings, folder: Path, rules: Backup | None = None) -> None:
    """Refuse a folder for an export or a plain copy that is not within an approved place or the home (STO-01).

    Args:
        settings: the installation's.
        folder: where something is about to be written.
        rules: what is demanded; by default what the settings' profile does.

    Raises:
        DanganError: DG-BAK-020 to -022.
    """
    demanded = rules or rules_of(settings).book.backup
    if not demanded.approved_places:
        return
    wanted = folder.expanduser().resolve()
    if is_personal(wanted):
        raise DanganError("DG-BAK-022", field=folder.name)
    within = [
        each
        for each in listed_places(settings).place
        if isinstance(each, ListedDirectory) and wanted.is_relative_to((settings.home / each.path).resolve())
    ]
    if not within and not wanted.is_relative_to(settings.home.resolve()):
        raise DanganError("DG-BAK-020", field=folder.name)
    if within and not within[0].approved:
        raise DanganError("DG-BAK-021", field=within[0].name)


def _opened(home: Path, each: ListedDirectory | ListedBucket) -> Place:
    if isinstance(each, ListedDirectory):
        return DirectoryPlace(home / each.path, each.name)
    return S3Place(
        each.name,
        each.bucket,
        prefix=each.prefix,
        endpoint=each.endpoint,
        region=each.region,
        credentials=home / each.credentials if each.credentials else None,
    )
