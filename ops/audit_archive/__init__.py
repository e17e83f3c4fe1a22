"""The archive of the audit stream: packed files with digests, whose events verify and prove like those on the topic."""
