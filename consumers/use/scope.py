"""Whether a record is within a scope or selection of attributes. Pure."""

from __future__ import annotations

from collections.abc import Collection

from consumers.about import SCOPES, About


def covers(pairs: Collection[tuple[str, str]], about: About) -> bool:
    """Whether a record has, for every attribute that is named, one of the values named for it.

    Args:
        pairs: attribute and value; an attribute that records do not have covers nothing.
        about: the record's attributes.
    """
    return all(
        name in SCOPES and any(getattr(about, name) == value for each, value in pairs if each == name)
        for name in {name for name, _ in pairs}
    )
