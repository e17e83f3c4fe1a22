"""Benchmarks: each row beside its floor, in one run, on real servers (docs/benchmarks.md)."""
