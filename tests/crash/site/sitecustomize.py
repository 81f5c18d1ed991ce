"""Python imports this at the start of every process of a campaign: so the processes of a build's pool are armed too."""

import os

if os.environ.get("LEAD_EVENTS_TEST_CRASH") or os.environ.get("LEAD_EVENTS_TEST_SAVE_ROWS"):
    from tests.crash import dying

    dying.arm(os.environ)
