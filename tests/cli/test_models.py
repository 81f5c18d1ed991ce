"""``models`` on the command line: what an engineer sees between an idea and its number."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.running import environment, run


@pytest.fixture
def env(migrated_url: str) -> dict[str, str]:
    """An environment whose database is founded with the shipped model."""
    from lead_events import app
    from lead_events.store import migrate
    from tests import databases
    from tests.cli.running import MASTER_KEY

    engine = databases.connect(migrated_url)
    migrate.found(engine, bytes.fromhex(MASTER_KEY), app.default_model())
    engine.dispose()
    return environment(migrated_url)


def shipped(env: dict[str, str], tmp_path: Path) -> Path:
    """Write the shipped model to a file, as whoever changes a copy does."""
    path = tmp_path / "model.yaml"
    path.write_text(run(env, "models", "show", "1", "--yaml").stdout, encoding="utf-8")
    return path


def test_a_copy_is_changed_linted_compared_and_published(env: dict[str, str], tmp_path: Path) -> None:
    """The whole way, with every number and name that the next command needs."""
    path = shipped(env, tmp_path)
    assert run(env, "models", "lint", str(path)).stdout == "It can be published.\n"
    assert run(env, "models", "diff", "1", str(path)).stdout == "They say the same.\n"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["scores"]["behaviour"]["half_life"] = "14d"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert run(env, "models", "diff", "1", str(path)).stdout == "score behaviour half-life: 30d → 14d\n"
    published = run(env, "models", "publish", str(path), "--author", "anna", "--note", "interest fades sooner")
    assert (published.returncode, "replay --model 2" in published.stdout) == (0, True)
    assert run(env, "models", "diff", "1", "2").stdout == "score behaviour half-life: 30d → 14d\n"
    last = run(env, "models", "list").stdout.splitlines()[-1].split("\t")
    assert last[:4] == ["2", "shipped", "anna", "interest fades sooner"]


def test_a_mistake_is_shown_with_its_line_and_nothing_is_published(env: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1, one line for each mistake."""
    path = shipped(env, tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("at_least: 50", "atleast: 50"), encoding="utf-8")
    line = next(n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "atleast" in text)
    for command in ("lint", "publish"):
        ended = run(env, "models", command, str(path))
        assert ended.returncode == 1
        assert f"line {line}: error:" in ended.stderr
        assert "did you mean at_least?" in ended.stderr
    assert len(run(env, "models", "list").stdout.splitlines()) == 1


def test_what_is_not_there_is_said_in_one_line(env: dict[str, str], tmp_path: Path) -> None:
    """No traceback, whatever is named."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("scores: [\n", encoding="utf-8")
    said = run(env, "models", "lint", str(broken)).stderr.splitlines()
    assert said[0] == f"{broken} cannot be read:"
    assert said[1].startswith("line 2: error: ")
    assert said[2] == "1 error, 0 warnings; nothing can be published yet."
    assert run(env, "models", "show", "9").returncode == 2
    assert run(env, "models", "diff", "1", "nowhere.yaml").returncode == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.yaml", b"", "it is empty"),
        ("empty.json", b"", "this is not JSON that can be kept: it is empty"),
        ("half.json", b'{"scores": }', "at line 1, column 12"),
        ("large.yaml", b"a: " + b"x" * 5_000_000, "more than 262144 characters"),
        ("large.json", b'"' + b"x" * 5_000_000 + b'"', "more than 262144 bytes"),
        ("picture.yaml", b"\x89PNG\r\n\x1a\n\0\0", "save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_document_is_named_with_what_is_wrong(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Nobody reads of a body who gave a file, and every command says the same."""
    path = tmp_path / name
    path.write_bytes(content)
    for command in (("lint",), ("diagram",), ("preview",)):
        ended = run(environment("sqlite:///nowhere.db"), "models", *command, str(path))
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"{path} cannot be read:\n")
        assert words in ended.stderr


def test_a_mistake_in_one_of_two_files_is_said_with_the_name_of_the_file(env: dict[str, str], tmp_path: Path) -> None:
    """Comparing, drawing and back-tests show what lint shows."""
    path = shipped(env, tmp_path)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(path.read_text(encoding="utf-8").replace("half_life", "halflife"), encoding="utf-8")
    for arguments in (
        ("diff", str(path), str(wrong)),
        ("diagram", str(wrong)),
        ("backtest", str(wrong), "--outcome", "deal.won"),
    ):
        ended = run(env, "models", *arguments)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"{wrong} cannot be used:\nline ")
        assert "did you mean half_life?" in ended.stderr


def test_a_model_that_names_approvers_waits_for_them(env: dict[str, str], tmp_path: Path) -> None:
    """Who is missing is said; everybody named approves by one command each."""
    path = shipped(env, tmp_path)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["definitions"]["engaged"]["approvers"] = ["anna", "boris"]
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    published = run(env, "models", "publish", str(path))
    assert published.stdout.endswith("goes live when anna, boris approved it: ./lead-events models approve 2 --as NAME\n")
    first = run(env, "models", "approve", "2", "--as", "anna", "--note", "as we said")
    assert first.stdout == "anna approves model 2. Still missing: boris.\n"
    listed = [line.split("\t") for line in run(env, "models", "approvals", "2").stdout.splitlines()]
    assert [(row[0], row[2] == "missing", row[3]) for row in listed] == [("anna", False, "as we said"), ("boris", True, "")]
    refused = run(env, "models", "approve", "2", "--as", "mallory")
    assert (refused.returncode, "anna, boris" in refused.stderr) == (2, True)
    run(env, "replay", "--model", "2")
    waiting = run(env, "promote", "2", "--yes")
    assert (waiting.returncode, "still needs the approval of boris" in waiting.stderr) == (2, True)
    live = run(env, "promote", "2", "--yes", "--without-approval", "boris is ill")
    assert live.returncode == 0
    assert "went live without approval: boris is ill" in run(env, "generations").stdout


def test_the_stage_chart_is_drawn(env: dict[str, str], tmp_path: Path) -> None:
    """Of a published model and of a file, as Mermaid or SVG."""
    path = shipped(env, tmp_path)
    assert run(env, "models", "diagram", "1").stdout.startswith("stateDiagram-v2\n")
    drawn = run(env, "models", "diagram", str(path), "--format", "svg").stdout
    assert drawn.startswith("<svg ")
    assert drawn.rstrip().endswith("</svg>")


def test_lint_asks_the_log_on_demand(env: dict[str, str], tmp_path: Path) -> None:
    """An empty log says nothing about forms."""
    path = shipped(env, tmp_path)
    assert run(env, "models", "lint", str(path), "--against-log").stdout == "It can be published.\n"
