"""The profiles of a policies folder: which there are, what each sets, and what that is without a profile."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.rules import rule_book, told
from schemas.errors import DanganError
from schemas.profile import FIXED, Profile
from schemas.rulebook import RuleBook

_ABOUT: Final = "profile.toml"


@dataclass(frozen=True)
class Described:
    """One profile.

    Attributes:
        name: its folder's, and the value of the setting ``profile``.
        about: what it says of itself; None where it has no ``profile.toml``.
        book: the rule book under it.
        settings: ``table.name`` -> its value there, as the rule book takes it.
        forms: the names of its own forms; empty: those that come with dangan.
    """

    name: str
    about: Profile | None
    book: RuleBook
    settings: Mapping[str, Any]
    forms: tuple[str, ...]

    @property
    def text(self) -> str:
        """The regulation that it executes; empty for an organisation's own."""
        return (self.about.text if self.about else None) or ""


def described(root: Path, name: str) -> Described:
    """One profile of a policies folder.

    Raises:
        DanganError: DG-POL-013 when there is none of the name, DG-POL-015 when its articles are for other settings
            than it has, DG-OPS-030 naming the file and what is wrong with it.
    """
    folder = root / "profiles" / name
    book = rule_book(root, name)
    layer = tomllib.loads((folder / "rules.toml").read_text("utf-8"))
    names = [f"{table}.{key}" for table, values in layer.items() for key in values]
    forms = tuple(sorted(file.stem for file in folder.glob("forms/*.toml")))
    return Described(name, _about(folder, names), book, {each: value_of(book, each) for each in names}, forms)


def value_of(book: RuleBook, setting: str) -> Any:
    """What a rule book holds under ``table.name``, in plain lists, mappings and scalars.

    Raises:
        KeyError: for a setting that there is not.
    """
    table, _, name = setting.partition(".")
    if table not in RuleBook.model_fields or name not in type(getattr(book, table)).model_fields:
        raise KeyError(setting)
    return book.model_dump(mode="json", include={table: {name}})[table][name]


def _about(folder: Path, settings: list[str]) -> Profile | None:
    file = folder / _ABOUT
    if not file.exists():
        return None
    try:
        about = Profile.model_validate(tomllib.loads(file.read_text("utf-8")))
        for name in (*about.follows, *about.kept):
            _check_setting(name)
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-030", field=folder.name, detail=f"{_ABOUT}: {told(error)}") from error
    if about.text is not None and (odd := set(settings) ^ about.follows.keys()):
        raise DanganError("DG-POL-015", field=folder.name, detail=", ".join(sorted(odd)))
    return about


def _check_setting(name: str) -> None:
    if name not in FIXED:
        table, _, key = name.partition(".")
        fields = RuleBook.model_fields.get(table)
        if fields is None or key not in getattr(fields.annotation, "model_fields", {}):
            raise ValueError(f"the rule book has no setting {name}")


def written(value: Any) -> str:
    """A value as people read it: ``client_manager, unit_head``; ``yes``; ``-`` for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {written(each)}" for name, each in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value)) or "-"
    return "-" if value is None else str(value)
