"""The audit stream: OCSF events in hash chains, one per writer, under signed Merkle checkpoints."""
