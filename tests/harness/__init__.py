"""The harness of flow and fault tests: workers as processes, registered principals, customers, thieves, searches."""
