"""MongoDB: collections, indexes and repositories."""
