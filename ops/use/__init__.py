"""Use as the archive department sees it: what is open, overdue, borrowed; contracts and consultations."""
