"""Where the processor's time went, for figures that were missed: summaries of what ``sampler`` wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

_SHOWN = 25
_LEAST_SECONDS = 0.5


def summarise(folder: Path) -> str:
    """Return a text about every profiled process that was busy, in Markdown."""
    parts = [_summarise_group(group) for group in sorted(folder.iterdir()) if group.is_dir()]
    return "\n".join(part for part in parts if part)


def _summarise_group(folder: Path) -> str:
    processes: dict[str, list[dict[str, Counter[str]]]] = {}
    for file in folder.glob("*.json"):
        found = json.loads(file.read_text())
        counted = {name: Counter(found[name]) for name in ("own", "with_calls", "lines")}
        processes.setdefault(" ".join(map(_short, found["command"])), []).append(counted)
    return "\n".join(_show(folder.name, command, some) for command, some in sorted(processes.items()))


def _show(group: str, command: str, processes: list[dict[str, Counter[str]]]) -> str:
    own, whole = Counter[str](), Counter[str]()
    for each in processes:
        own.update(each["own"])
        whole.update(each["with_calls"])
    total = sum(own.values())
    if total < _LEAST_SECONDS:
        return ""
    lines = [f"## {group}: {command} ({len(processes)} processes, {total:.1f} s of CPU)", "", "own time:"]
    lines += [f"  {seconds / total:6.1%}  {name}" for name, seconds in own.most_common(_SHOWN)]
    lines += ["", "with everything called:"]
    lines += [f"  {seconds / total:6.1%}  {name}" for name, seconds in whole.most_common(2 * _SHOWN)]
    return "\n".join([*lines, ""])


def _short(argument: str) -> str:
    return Path(argument).parent.name if argument.endswith("__main__.py") else argument
