"""Documents that are generated from the code; tests fail when one is stale."""
