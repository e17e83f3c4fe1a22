"""Inspections (检查): inventory, integrity, samples, reviews, rectification; clauses AUD-03 to AUD-14."""
