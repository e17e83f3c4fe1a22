"""What a worker shows of itself: metrics, health, and log lines that say which commands they are about."""
