"""The subcommands of ``dangan``, one module each; a module adds its own with ``register(app)``."""
