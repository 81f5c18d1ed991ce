"""Where throwaway files lie in memory, if this machine has such a place: making and dropping databases is most of their cost.

No test is about a disk: what they kill are processes, whose written bytes the kernel keeps wherever a file lies.
"""

import os
import shutil
from functools import cache
from pathlib import Path

_SHARED = Path("/dev/shm")
_ENOUGH_BYTES = 4 << 30


@cache
def folder() -> Path | None:
    """Return a folder in memory with room for every test at once where programs may run, or None."""
    if not _SHARED.is_dir() or not os.access(_SHARED, os.W_OK | os.X_OK):
        return None
    if os.statvfs(_SHARED).f_flag & os.ST_NOEXEC or shutil.disk_usage(_SHARED).free < _ENOUGH_BYTES:
        return None
    return _SHARED
