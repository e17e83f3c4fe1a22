"""Retention (保存期限): when a record's period begins and ends, and what stands against its end."""
