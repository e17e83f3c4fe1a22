"""Incidents (泄露、毁损、丢失、篡改): reports, containment, and what is frozen meanwhile."""
