"""The written docs hold what they say: the fold, links, modules, commands, one sentence per line.

Generated pages are compared with the code elsewhere.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lead_events.cli import commands
from lead_events.domain.lead import fold

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PACKAGE = ROOT / "src" / "lead_events"
README_LINES = 90

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_TWO_SENTENCES = re.compile(r"(?<!\d)[.!?][)*_`\"”]* +[A-ZА-Я]")
_MODULE = re.compile(r"^(?P<package>[a-z]+)/(?P<module>[a-z_]+)(\.py)?$")
_COMMAND = re.compile(r"^\./lead-events(?P<rest>(?: .*)?)$")
_PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]

every_page = pytest.mark.parametrize("page", PAGES, ids=_PAGE_IDS)


def test_readme_shows_the_fold_as_it_is() -> None:
    """The block in the README is the source of the one fold."""
    blocks = [text for language, text in _FENCE.findall(_read(ROOT / "README.md")) if language == "python"]
    assert blocks == [inspect.getsource(fold)]


def test_readme_fits_a_screen_and_a_half() -> None:
    """Somebody reads the README to its end."""
    assert len(_read(ROOT / "README.md").splitlines()) <= README_LINES


@every_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """A link names a file that exists, and a heading that is in it."""
    broken = [link for link in _links(page) if not _resolves(page, link)]
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    """Whoever starts at the index finds every page, decisions too."""
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in _links(index)}
    assert [str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md") if page not in {*listed, index}] == []


@every_page
def test_every_command_exists(page: Path) -> None:
    """A reader can type every command of the docs, with every option named."""
    wrong = {line: problem for line in _commands(page) if (problem := _find_problem(line))}
    assert wrong == {}


@every_page
def test_one_sentence_stands_on_one_line(page: Path) -> None:
    """A changed sentence is a changed line."""
    crowded = [line for line in _prose(page) if _TWO_SENTENCES.search(_CODE.sub("x", line))]
    assert crowded == []


@every_page
def test_every_module_exists(page: Path) -> None:
    """A module that the docs name is where they say."""
    assert [name for name in _modules(_read(page)) if not _is_module(name)] == []


def test_a_module_that_is_gone_is_found() -> None:
    """The check of modules can fail."""
    assert list(_modules("See `domain/lead`, `store/log.py`, `./lead-events` and `page/view`.")) == ["domain/lead", "store/log"]
    assert _is_module("domain/lead")
    assert _is_module("domain/event_types")
    assert not _is_module("domain/buckets")


def test_a_wrong_command_is_found() -> None:
    """The check of commands can fail."""
    assert _find_problem("./lead-events serve --fast") == "serve has no --fast"
    assert _find_problem("./lead-events keys burn") == "keys has no burn"
    assert _find_problem("./lead-events keys create --kind write") is None


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> Iterator[str]:
    """Give the lines of a page that are sentences: no code, no tables."""
    for line in _FENCE.sub("", _read(page)).splitlines():
        if not line.startswith(("|", "<!--")):
            yield line


def _links(page: Path) -> list[str]:
    text = _CODE.sub("", _FENCE.sub("", _read(page)))
    return [link for link in _LINK.findall(text) if not link.startswith(("http://", "https://"))]


def _resolves(page: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not heading or heading in {_anchor(line) for line in _read(target).splitlines() if line.startswith("#")}


def _anchor(heading: str) -> str:
    words = heading.lstrip("#").strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def _modules(text: str) -> Iterator[str]:
    """Give every piece of code that names a module of a package of ours, such as ``domain/lead``."""
    packages = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()}
    for code in _CODE.findall(_FENCE.sub("", text)):
        found = _MODULE.match(code)
        if found and found["package"] in packages:
            yield f"{found['package']}/{found['module']}"


def _is_module(name: str) -> bool:
    return (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()


def _commands(page: Path) -> Iterator[str]:
    """Give every line of shell, and every piece of code in a sentence, that calls the command line."""
    text = _read(page)
    shell = [line for language, block in _FENCE.findall(text) if language == "sh" for line in block.splitlines()]
    for line in [*shell, *_CODE.findall(_FENCE.sub("", text))]:
        found = _COMMAND.match(line.strip())
        if found and found["rest"] not in {"", " …"}:
            yield line.strip()


def _find_problem(line: str) -> str | None:
    """Return what is wrong with a command line, or None."""
    words = line.split("#", maxsplit=1)[0].split()[1:]
    command: click.Command = commands
    context = click.Context(commands)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        inner = command.get_command(context, name)
        if inner is None:
            return f"{command.name} has no {name}"
        command = inner
    known = {option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{command.name} has no {unknown[0]}" if unknown else None
