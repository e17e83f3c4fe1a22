"""People and their permissions: applications, hand-overs of leavers, reviews, keys (SEC-03 to 06, 08, 09, 14)."""
