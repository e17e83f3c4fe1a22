"""``dangan demo``: the whole story on real services, each claim checked by the run that makes it."""
