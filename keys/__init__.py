"""The key hierarchy: Vault roots, key pages, the field cipher, the blind index, forget and sweep."""
