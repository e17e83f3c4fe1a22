"""docs/profiles.md: the regulations' profiles, generated from ``policies/profiles/``.

``python -m ops.docs.profiles docs/profiles.md`` writes it; a test fails when it is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ops.profiles import Described, described, value_of, written
from ops.rules import policy_root, profile_names, rule_book
from schemas.rulebook import RuleBook

_HEAD: Final = """# Profiles: the regulations as rules

The archive answers to thirteen texts, and they disagree ([regulation.md](regulation.md) lists every clause). Where
they do, a setting of the rule book decides. Without a profile each has a strict default: the strictest reading, but
for `sensitivity.tier_by_field` (the catalogue's levels are the organisation's) and `destroy.grounds` (every ground
that a text admits). A **profile** is one text as data: it sets what the text says, names the article for it, and
leaves everything on which the text is silent as it is without one. Silence is no permission. No rule depends on a
profile's name.

```
dangan profile list                       # which there are
dangan profile show rural-cooperative     # what it sets, what that is without it, and by which article
dangan profile compare approval.use       # one setting in every profile; without one, all that differ
```

Choose one with `profile = "rural-cooperative"` in `dangan.toml` (or `DANGAN_PROFILE`), and start the workers again;
`dangan doctor` says which rules then differ from the defaults. What is stored stays as it was collected. Due dates
are never stored: those of all records follow the new rules at once, so look at `dangan retention plan --rules FILE`
first. What has been applied for keeps the posts that it was applied for with.

**An organisation's own profile** is a folder `profiles/NAME/` with a `rules.toml`, in a copy of `policies/` that the
setting `policies` names. Begin with a copy of the text that binds you; where two do, take the stricter of both for
each setting that `dangan profile compare` shows. `profile.toml` (title, articles) is optional there; where it names a
`text`, its articles and the settings of `rules.toml` must be the same (DG-POL-015, which `dangan profile` and `dangan
doctor` tell). `forms/*.toml`, if there are any, stand in place of the shipped forms for their purposes; what was
collected on another form keeps its name.

Each profile is walked once on the real services: permissions, collection, review, hand-over and confirmation, use,
correction, sharing, expiry, destruction, sweep, certificate and confirmation, by the text's own posts, and each of
these chains is tried without its last signature or with a stranger's (`tests/flows/test_profiles.py`, where the
demands are written down by hand).

`trial` is no regulation: it is for made-up people.

Generated from `policies/profiles/` by `python -m ops.docs.profiles docs/profiles.md`.
"""


def text() -> str:
    """The page."""
    root = policy_root()
    strict = rule_book(root, "")
    found = [each for each in (described(root, name) for name in profile_names(root)) if each.text]
    parts = [_HEAD, "\n## Side by side\n", *_overview(found, strict)]
    for each in found:
        parts += ["", f"## {each.name}", "", *_about(each), ""]
        parts += ["| setting | without a profile | here | by |", "| --- | --- | --- | --- |"]
        follows = each.about.follows if each.about else {}
        for name, value in each.settings.items():
            cells = (written(value_of(strict, name)), written(value), follows[name])
            parts.append(f"| `{name}` | {' | '.join(map(_cell, cells))} |")
        if each.about and each.about.kept:
            parts += ["", "As without it, although the text has a word on it:", ""]
            parts += [f"- `{name}`: {why}" for name, why in each.about.kept.items()]
        if each.forms:
            parts += ["", f"Forms of its own: {', '.join(each.forms)}."]
    return "\n".join(parts) + "\n"


def _overview(found: list[Described], strict_book: RuleBook) -> Iterator[str]:
    columns = ("use, sensitive", "update", "leaves the company", "another department", "destruction", "expired")
    yield f"| profile | text | {' | '.join(columns)} |"
    yield "| --- | --- |" + " --- |" * len(columns)
    strict = ("(none)", "", strict_book)
    for name, which, book in (strict, *((each.name, each.text, each.book) for each in found)):
        approval, expiry = book.approval, book.expiry
        chains = (approval.use["sensitive"], approval.update, approval.external, approval.internal, approval.destroy)
        yield f"| {name} | {which} | {' | '.join(map(written, chains))} | {expiry.action('customer')} |"


def _about(each: Described) -> Iterator[str]:
    if each.about:
        yield f"{each.about.title} ({each.about.term}; text {each.text}). {each.about.applies_to} {each.about.silence}"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
