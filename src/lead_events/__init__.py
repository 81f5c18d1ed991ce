"""Lead events: an append-only log of what visitors did, and the leads folded from it."""

__version__ = "0.1.0"
