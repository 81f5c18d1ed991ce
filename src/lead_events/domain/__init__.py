"""The pure core: events, identity, profile, scoring, funnel and the one fold. No clock, randomness, I/O or environment."""
