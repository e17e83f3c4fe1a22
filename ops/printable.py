"""Text of unknown origin on a terminal: nothing in it may steer the terminal or pass for this program's own words."""

from __future__ import annotations

from rich.text import Text


def printable(text: object) -> str:
    """The text with every control and format character made visible.

    ESC begins terminal commands; line feeds and carriage returns write over or add lines; bidirectional overrides
    (U+202A to U+202E, U+2066 to U+2069) show a text in another order than it has; zero-width characters hide in ids.

    Returns:
        The same number of characters, with U+FFFD for those.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text))


def plain(text: object) -> Text:
    """The text as Rich shows it without reading markup in it, printable."""
    return Text(printable(text))
