"""One module per command family: decide (pure), then apply."""
