"""Unsealing (解封) by the sealing officer: what waits, and what is carried out."""
