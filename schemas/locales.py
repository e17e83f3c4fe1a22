"""The languages that people are answered in. Codes, audit events and logs have none: they are the same in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

#: A language by its tag (BCP 47).
Locale = Literal["en", "zh-CN"]
LOCALES: Final[tuple[Locale, ...]] = get_args(Locale)
DEFAULT: Final[Locale] = "en"

#: Where a person's language is looked for, the first one that says something first (POSIX, after our own).
VARIABLES: Final = ("DANGAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def nearest(tag: str) -> Locale:
    """The language nearest to a tag, in the way of BCP 47 or POSIX: ``zh``, ``zh-Hans``, ``zh_CN.UTF-8``."""
    return "zh-CN" if tag.lower().startswith("zh") else DEFAULT


def of_environment(environ: Mapping[str, str]) -> Locale:
    """The language that a terminal's environment asks for."""
    return next((nearest(environ[name]) for name in VARIABLES if environ.get(name)), DEFAULT)
