"""The benchmark: every speed claim as a ratio to a limit and to a peer, measured in one run (``make bench``).

One module per figure; ``world`` prepares what they share. Nothing of the service imports anything from here.
"""
