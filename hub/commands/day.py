"""`carehub day`: the seeded simulator (hub.samples)."""
