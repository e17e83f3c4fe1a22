"""What a person runs: the ``dangan`` command line, embedded services, demo, sweeps, backups, reports."""
