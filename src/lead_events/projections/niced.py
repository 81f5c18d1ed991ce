"""How a process that works beside the service begins: niced before it imports anything, for importing takes a second of a core.

So this module imports nothing of the project's.
"""

from __future__ import annotations

import os
import pickle
from typing import Any

_NICENESS = 10


def begin(start: bytes, *handed: Any) -> None:
    """Nice this process and go on as it was told.

    Args:
        start: a pickled function and its first arguments; unpickling imports what they need.
        handed: further arguments, which only the start of a process can hand over.
    """
    os.nice(_NICENESS)
    function, arguments = pickle.loads(start)  # noqa: S301 - from the process that started this one
    function(*arguments, *handed)
