"""How many histories a property looks at when each goes through a database, and how long the pages are."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

pages = st.sampled_from([1, 3, 50])
"""Events of a page."""


def some(share: float) -> settings:
    """Take a share of the profile's examples, for every example goes through a database that is emptied first."""
    most = max(5, int(settings.default.max_examples * share)) if settings.default else 5
    phases = [Phase.explicit, Phase.generate]
    return settings(max_examples=most, suppress_health_check=list(HealthCheck), phases=phases)
