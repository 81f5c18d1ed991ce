"""From the log to the rows: the projector's loop, replay and promotion; no HTTP and no model language."""
