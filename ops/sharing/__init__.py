"""Sharing (共享) as people handle it: agreements, packages, receipts, the register of shares."""
