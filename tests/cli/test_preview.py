"""``models preview``: a report that reads well in a terminal and in a file, and is data when asked."""

from __future__ import annotations

import threading
from pathlib import Path

import orjson
import pytest
import yaml
from sqlalchemy import Engine

from lead_events.cli import preview_report
from lead_events.projections import previewing
from tests.api.replaying import with_points
from tests.api.service import Service, person, visitor
from tests.cli.running import environment, run


@pytest.fixture
def service(engine: Engine) -> Service:
    """Twelve people with a form and a file each."""
    service = Service(engine)
    for number in range(12):
        name = f"p{number}"
        service.append(visitor(name), person(name, anonymous_id=name), person(name, "file.downloaded"))
    service.catch_up()
    return service


@pytest.fixture
def env(service: Service, migrated_url: str) -> dict[str, str]:
    """The environment of the service's database."""
    return environment(migrated_url)


def written(tmp_path: Path, points: float) -> Path:
    """Write the service's model with other points for downloads."""
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(with_points("price", points), sort_keys=False), encoding="utf-8")
    return path


def test_the_report_says_what_would_change_and_what_comes_next(env: dict[str, str], tmp_path: Path) -> None:
    """Who leaves, by which rule, what sales gets; and the command that publishes it."""
    path = written(tmp_path, 10)
    ended = run(env, "models", "preview", str(path))
    assert (ended.returncode, ended.stderr) == (0, "")
    words = " ".join(ended.stdout.split())
    assert "Against generation 1 (model 1)" in words
    assert "12 of 12 leads differ" in words
    for part in (
        "ready 0 12",
        "mql lead 12",
        "price -20",
        "price behaviour 360 (12) 120 (12)",
        "Some of them",
        "ready leave ld_",
    ):
        assert part in words
    assert "Load on sales: 0 leads a week come to mql instead of 12 (over one week)." in words
    assert f"./lead-events models publish {path}" in ended.stdout
    assert len(run(env, "models", "list").stdout.splitlines()) == 1


def test_a_model_that_changes_nothing_says_so(env: dict[str, str], tmp_path: Path) -> None:
    """In one sentence instead of empty tables."""
    assert "No lead stands or scores differently." in run(env, "models", "preview", str(written(tmp_path, 30))).stdout


def test_as_json_every_report_is_a_line(env: dict[str, str], tmp_path: Path) -> None:
    """The last one is exact."""
    lines = run(env, "models", "preview", str(written(tmp_path, 10)), "--json").stdout.splitlines()
    assert orjson.loads(lines[-1])["exact"] is True
    assert orjson.loads(lines[-1])["definitions"]["ready"] == {"entered": 0, "left": 12}


def test_a_mistake_is_shown_with_its_line(env: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1, and nothing is folded."""
    path = written(tmp_path, 10)
    path.write_text(path.read_text().replace("at_least: 40", "atleast: 40"), encoding="utf-8")
    ended = run(env, "models", "preview", str(path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "did you mean at_least?" in ended.stderr


def test_a_sample_says_that_it_is_one(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever stops it halfway sees what is known, and how well."""
    for number in range(200):
        service.append(person(f"q{number}", "file.downloaded"))
    service.catch_up()
    stop = threading.Event()
    report = next(previewing.preview(service.engine, service.vault, service.model, stop, first=0, every=0))
    preview_report.print_report(report)
    words = " ".join(capsys.readouterr().out.split())
    assert f"This is a sample of {report['sample']['leads']} of 212 leads" in words
    assert "with 95 % certainty" in words
