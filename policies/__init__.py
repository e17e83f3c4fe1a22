"""What an organisation may change without code: Cedar policies and the field catalogue (data only)."""
