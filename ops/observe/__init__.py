"""``dangan observe``: the archive as a whole, as metrics: what waits, what is overdue, what grows old."""
