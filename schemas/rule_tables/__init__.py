"""The rule book's tables by theme; schemas/rulebook.py puts them together."""
