"""Reconciliation: what Vault says it did with our keys, held against what our audit stream says was done (SEC-12)."""
