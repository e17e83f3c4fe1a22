"""The three services as child processes, for demo, tests and benchmarks: Kafka, MongoDB's protocol, Vault's protocol.

Each has its own data folder and free ports on 127.0.0.1, and is stopped by process id. ``stack.Stack`` is the door.
"""
