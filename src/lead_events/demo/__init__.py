"""A made-up, repeatable history of a B2B site and its sales, for looking around and for measuring.

Nothing here is used by the service itself; the other packages never import it.
"""
