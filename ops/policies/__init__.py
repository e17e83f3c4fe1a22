"""Policies seen by people: which decided, why none did, and whether they answer as the test tables expect."""
