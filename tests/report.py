"""Pytest plugin: how many tests ran and were skipped per group, and whether a group that once ran has gone quiet.

A group is a folder under tests/ with the database its tests ran on; the groups that must run are committed.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

GROUPS_FILE = Path(".ci/groups.json")
_GROUP = "group"
_LOST = "lost with its worker"


@dataclass
class Tally:
    """Outcomes counted per group."""

    ran: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def groups(self) -> list[str]:
        """Every group seen, in order."""
        return sorted(self.ran | self.failed | self.skipped)


class GroupReport:
    """Counts tests as they end, and records or requires groups when the session is over."""

    def __init__(self, root: Path, mode: str) -> None:
        self.path = root / GROUPS_FILE
        self.mode = mode
        self.tally = Tally()
        self.quiet: list[str] = []
        self.unrecorded: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note each test's group where its reports carry it along, to whichever process counts them."""
        for item in items:
            item.user_properties.append((_GROUP, group_name(item)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one test by how its call ended, or by the set-up that kept it from being called."""
        group = str(dict(report.user_properties).get(_GROUP, _LOST))
        if report.skipped and not hasattr(report, "wasxfail"):
            self.tally.skipped[group] += 1
        elif report.when == "call":
            self.tally.ran[group] += 1
        if report.failed:
            self.tally.failed[group] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Record new groups, or fail the session if a recorded one ran nothing; a worker knows its own part only."""
        if hasattr(session.config, "workerinput"):
            return
        recorded = set(json.loads(self.path.read_text())) if self.path.exists() else set()
        ran = set(self.tally.ran)
        if self.mode == "record" and not ran <= recorded:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(json.dumps(sorted(recorded | ran), indent=2) + "\n")
        if self.mode == "require":
            self.quiet, self.unrecorded = sorted(recorded - ran), sorted(ran - recorded)
            if self.quiet and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.section("tests per group")
        terminalreporter.write_line(f"{'group':<32}{'run':>8}{'failed':>8}{'skipped':>8}")
        for group in self.tally.groups:
            counts = (self.tally.ran[group], self.tally.failed[group], self.tally.skipped[group])
            terminalreporter.write_line(f"{group:<32}" + "".join(f"{count:>8}" for count in counts))
        for group in self.quiet:
            terminalreporter.write_line(f"{group} ran before (see {GROUPS_FILE}) and ran no test now", red=True)
        for group in self.unrecorded:
            terminalreporter.write_line(f"{group} is new: `make test` adds it to {GROUPS_FILE}", yellow=True)


def group_name(item: pytest.Item) -> str:
    """Return `folder`, or `folder/database` for a test that is run per database."""
    inside = item.path.relative_to(item.config.rootpath / "tests").parts
    folder = inside[0] if len(inside) > 1 else "harness"
    callspec = getattr(item, "callspec", None)
    database = callspec.params.get("database") if callspec else None
    return f"{folder}/{database}" if database else folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--groups`."""
    parser.addoption(
        "--groups",
        choices=["show", "record", "require"],
        default="show",
        help=f"what to do with {GROUPS_FILE}: nothing, add groups that ran, or fail if one of them ran no test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Switch the report on."""
    config.pluginmanager.register(GroupReport(config.rootpath, config.getoption("--groups")), "group-report")
