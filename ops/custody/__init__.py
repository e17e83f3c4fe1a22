"""Custody (保管): media, copies, terminals, and where every archive is."""
