"""Small commands, as an operator runs them: migrate, keys, sources, verify, settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from lead_events.cli import commands
from lead_events.cli.groups import summary
from tests import databases
from tests.cli.running import environment, run


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    """An environment whose database is migrated and founded."""
    found = environment(database_url)
    assert run(found, "migrate").returncode == 0
    return found


def test_migrating_twice_changes_nothing(env: dict[str, str]) -> None:
    """The second run says that nothing was to do."""
    assert "is at" in run(env, "migrate").stdout
    assert run(env, "migrate", "--check").returncode == 0


def test_an_empty_database_fails_the_check(database_url: str) -> None:
    """For pipelines: one line, exit code 3."""
    checked = run(environment(database_url), "migrate", "--check")
    assert (checked.returncode, checked.stderr.count("\n")) == (3, 1)


def test_help_lists_every_command_as_its_own_help_begins() -> None:
    """The words are kept twice, so that help need not import what commands do, and nothing is cut off."""
    context = click.Context(commands)
    listed = {name: commands.summarise(context, name) for name in commands.list_commands(context)}
    assert listed == {name: summary(commands.get_command(context, name)) for name in listed}
    shown = " ".join(run({}, "--help").stdout.split())
    assert [words for words in listed.values() if words not in shown] == []
    assert "..." not in run({}, "models", "--help").stdout.replace("[ARGS]...", "")


def test_help_imports_no_database() -> None:
    """Whoever asks what there is does not wait for it."""
    code = "import sys; from lead_events.cli import main\ntry: main(['--help'])\nfinally: print('sqlalchemy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment("sqlite://"))
    assert ended.stdout.splitlines()[-1] == "False"


def test_a_mistyped_command_is_answered_with_the_one_that_may_be_meant() -> None:
    """At the top as below it, and what is to be typed works as it stands."""
    for arguments, meant in ((("modls",), "models"), (("models", "lnt"), "lint")):
        said = run({}, *arguments).stderr
        assert f"Did you mean '{meant}'?" in said
        assert said.startswith("Usage: ./lead-events ")


def test_a_database_that_is_away_is_one_clear_line() -> None:
    """No traceback, no password."""
    away = run(environment("postgresql+psycopg://me:hunter2@127.0.0.1:1/none"), "keys", "list")
    assert (away.returncode, away.stderr.count("\n")) == (2, 1)
    assert "hunter2" not in away.stderr


def test_a_folder_that_is_missing_is_one_clear_line(env: dict[str, str], tmp_path: Path) -> None:
    """Whatever a command would write there."""
    for arguments in (("backup",), ("export", "--out"), ("demo", "--events", "10", "--out")):
        ended = run(env, *arguments, str(tmp_path / "nowhere" / "file"))
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended
        assert "nowhere/file" in ended.stderr
        assert "No such file or directory" in ended.stderr


def test_a_table_that_is_missing_is_one_clear_line(env: dict[str, str], database_url: str) -> None:
    """It names the table, and no traceback hides it, on every database."""
    engine = databases.connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE parked RENAME TO parked_away"))
    engine.dispose()
    ended = run(env, "parked", "list")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "parked" in ended.stderr


def test_a_key_is_shown_once_and_can_be_revoked(env: dict[str, str]) -> None:
    """Its secret is in no list, and a revoked key says when."""
    made = run(env, "keys", "create", "--kind", "secret", "--source", "crm", "--scope", "leads:read").stdout.strip()
    key_id = made.split("_")[1]
    listed = run(env, "keys", "list").stdout
    assert made.startswith("sk_")
    assert key_id in listed
    assert made not in listed
    assert run(env, "keys", "revoke", key_id).returncode == 0
    assert run(env, "keys", "list").stdout.rstrip("\n").split("\t")[-1].endswith("Z")
    assert "crm" in run(env, "sources", "list").stdout


def test_a_source_says_which_purposes_need_a_yes(env: dict[str, str]) -> None:
    """It is shown in the list, replaced as a whole, and emptied by naming none."""
    run(env, "keys", "create", "--kind", "write", "--source", "site")
    assert run(env, "sources", "opt-in", "site", "profiling", "contact").stdout == "site needs a yes for contact, profiling.\n"
    assert "contact,profiling" in run(env, "sources", "list").stdout
    assert run(env, "sources", "opt-in", "site").stdout == "site needs a yes for nothing.\n"
    wrong, unknown = run(env, "sources", "opt-in", "site", "selling"), run(env, "sources", "opt-in", "nowhere", "contact")
    assert (wrong.returncode, unknown.returncode) == (2, 2)


def test_what_cannot_be_is_refused_in_one_line(env: dict[str, str]) -> None:
    """A write key with scopes, and a key that does not exist."""
    wrong = run(env, "keys", "create", "--kind", "write", "--source", "site", "--scope", "leads:read")
    unknown = run(env, "keys", "revoke", "nobody")
    assert [(each.returncode, each.stderr.count("\n")) for each in (wrong, unknown)] == [(2, 1), (2, 1)]


def test_verify_log_tells_a_broken_log_by_its_exit_code(env: dict[str, str], database_url: str) -> None:
    """0 when nothing is found, 1 and a line each when something is."""
    assert run(env, "verify", "log").returncode == 0
    engine = databases.connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE head SET position = 3"))
    engine.dispose()
    broken = run(env, "verify", "log")
    assert broken.returncode == 1
    assert "events position 1" in broken.stdout


def test_verify_digest_prints_the_chain_of_promotions(env: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """Of the live generation unless another is named; a model that was changed since is a finding and an exit code."""
    (tmp_path / "model.yaml").write_text(run(env, "models", "show", "1", "--yaml").stdout.replace("name:", "name: the second", 1))
    assert run(env, "models", "publish", str(tmp_path / "model.yaml")).returncode == 0
    assert run(env, "replay", "--model", "2", "--processes", "1").returncode == 0
    assert run(env, "promote", "2", "--yes").returncode == 0
    printed = run(env, "verify", "digest")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == run(env, "verify", "digest", "2").stdout != run(env, "verify", "digest", "1").stdout
    assert printed.stdout in run(env, "verify").stdout
    blocks = [dict(line.split(maxsplit=1) for line in each.splitlines() if " " in line) for each in printed.stdout.split("\n\n")]
    assert [block.get("generation_id") for block in blocks] == ["2", "1", "2", None]
    assert (blocks[1]["position"], blocks[1]["at"], blocks[1]["lists_digest"]) == ("0", "-", "-")
    assert blocks[0]["model"] == blocks[2]["model_digest"] != blocks[1]["model_digest"]
    assert printed.stdout.endswith("1 promotion, 0 findings.\n")
    engine = databases.connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE models SET document = REPLACE(document, 'the second', 'another') WHERE number = 2"))
    engine.dispose()
    broken = run(env, "verify", "digest")
    assert (broken.returncode, run(env, "verify").returncode) == (1, 1)
    assert "model 2 is not the document that was promoted" in broken.stdout


def test_nothing_parked_and_nothing_quarantined_is_an_empty_list(env: dict[str, str]) -> None:
    """Fresh from the start."""
    for group in ("parked", "quarantine"):
        listed = run(env, group, "list")
        assert (listed.returncode, listed.stdout) == (0, "")


def test_settings_are_printed_with_secrets_masked(tmp_path: Path) -> None:
    """What is in force, never what must stay secret."""
    env = environment("postgresql+psycopg://me:hunter2@db/x", LEAD_EVENTS_PORT="8123", LEAD_EVENTS_MASTER_KEY="ab" * 32)
    printed = run(env, "settings").stdout
    assert "LEAD_EVENTS_PORT\t8123" in printed
    assert "hunter2" not in printed
    assert "abab" not in printed


def test_a_wrong_setting_is_named_without_its_value() -> None:
    """One line that says which variable and what would do."""
    wrong = run(environment("mysql://me:hunter2@db/x", LEAD_EVENTS_PORT="many"), "settings")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (3, 1)
    assert "LEAD_EVENTS_PORT" in wrong.stderr
    assert "LEAD_EVENTS_DATABASE_URL" in wrong.stderr
    assert "hunter2" not in wrong.stderr
