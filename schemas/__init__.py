"""The language of dangan: commands, records, audit events, the field catalogue, errors. Pure, no I/O."""
