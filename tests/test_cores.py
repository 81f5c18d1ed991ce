"""How many cores may be kept busy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lead_events.cores import count_usable

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("100000 100000\n", 1), ("50000 100000\n", 1), ("99900000 100000\n", ALLOWED), ("max 100000\n", ALLOWED), ("", ALLOWED)],
)
def test_a_quota_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    """A part of a core is one; no quota, and one above what there is, leave what the process is allowed."""
    file = tmp_path / "cpu.max"
    file.write_text(quota, encoding="ascii")
    assert count_usable(file) == cores


def test_a_quota_is_rounded_up(tmp_path: Path) -> None:
    """One and a half cores keep two processes busy, where there are two."""
    file = tmp_path / "cpu.max"
    file.write_text("150000 100000\n", encoding="ascii")
    assert count_usable(file) == min(2, ALLOWED or 1)


def test_without_such_a_file_all_allowed_cores_count(tmp_path: Path) -> None:
    """As on a machine of one's own."""
    assert count_usable(tmp_path / "none") == ALLOWED
