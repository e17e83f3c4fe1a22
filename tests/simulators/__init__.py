"""In-memory stand-ins for the real servers, so that races and attacks are unit tests."""
