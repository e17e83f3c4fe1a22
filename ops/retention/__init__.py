"""Retention (保存期限): what falls due when, facts that begin periods, extensions, records whose period has ended."""
