"""Backups as an installation runs them: places, sealed files, chains, the register and the drill."""
