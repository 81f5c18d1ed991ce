"""The stage chart of a model as Mermaid text or SVG: deterministic, readable without colour, with a title and a description.

What the chart shows is read off the document here; how it is drawn as SVG is in ``diagram_svg``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lead_events.domain.document import Entry, ModelDocument
from lead_events.domain.model_diff import say
from lead_events.domain.state import FIRST_STAGE

_LONGEST = 60
"""Characters of what leads into a stage, and of what is needed besides."""
ANYWHERE = "*"
"""Where an entry comes from that names no stage."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One way into a stage: an entry, or another stage's exit.

    Attributes:
        sources: the stages it leads from, or ``ANYWHERE`` alone.
        label: what leads there, in words.
        by_time: whether time alone does.
    """

    sources: tuple[str, ...]
    target: str
    label: str
    by_time: bool

    @property
    def route(self) -> str:
        """Say where it leads, in words."""
        sources = "any stage" if self.sources == (ANYWHERE,) else ", ".join(self.sources)
        return f"{sources} → {self.target}: {self.label}"


@dataclass(frozen=True, slots=True)
class Chart:
    """What a diagram shows.

    Attributes:
        stages: name and owner, in the document's order; the first stage is always there.
        arrows: every entry and exit, in the document's order.
    """

    title: str
    stages: tuple[tuple[str, str], ...]
    arrows: tuple[Arrow, ...]

    @property
    def description(self) -> str:
        """Say the whole chart in words, for those who cannot see it."""
        stages = ", ".join(name for name, _ in self.stages)
        return " ".join([f"{len(self.stages)} stages: {stages}.", *(f"{arrow.route}." for arrow in self.arrows)])


def read_chart(document: ModelDocument, number: int | None = None) -> Chart:
    """Read the chart off a document; ``number`` is that of a published model."""
    names = [document.name or "a model"] if number is None else [f"Model {number}", *([document.name] if document.name else [])]
    stages = {FIRST_STAGE: ""} | {name: stage.owner or "" for name, stage in document.stages.items()}
    return Chart(f"Stages of {', '.join(names)}", tuple(stages.items()), tuple(_arrows(document)))


def draw_mermaid(chart: Chart) -> str:
    """Write a chart as a Mermaid state diagram (https://mermaid.js.org/syntax/stateDiagram.html)."""
    keys = {name: f"s{number}" for number, (name, _) in enumerate(chart.stages)}
    anywhere = any(ANYWHERE in arrow.sources for arrow in chart.arrows)
    lines = ["stateDiagram-v2", f"  accTitle: {_plain(chart.title)}", f"  accDescr: {_plain(chart.description)}"]
    lines += [f'  state "{_plain(f"{name} ({owner})" if owner else name)}" as {keys[name]}' for name, owner in chart.stages]
    lines += ['  state "any stage" as anywhere'] if anywhere else []
    lines += [f"  [*] --> {keys[FIRST_STAGE]}"]
    keys[ANYWHERE] = "anywhere"
    lines += [
        f"  {keys[source]} --> {keys[arrow.target]}: {_plain(arrow.label)}" for arrow in chart.arrows for source in arrow.sources
    ]
    return "\n".join(lines) + "\n"


def _arrows(document: ModelDocument) -> Iterator[Arrow]:
    for target, stage in document.stages.items():
        needs = _shorten(", ".join(say(each) for each in stage.requires))
        required = f" (needs {needs})" if needs else ""
        for entry in stage.entry:
            sources = [ANYWHERE] if entry.from_ is None else [source for source in entry.from_ if source != target]
            yield Arrow(tuple(sources), target, _shorten(_entry(entry)) + required, by_time=False)
        for exit_ in stage.exits:
            waits = "without an event" if exit_.idle else f"without {say(exit_.unless)}"
            yield Arrow((target,), exit_.to, _shorten(f"{exit_.after} {waits} ({exit_.reason})"), by_time=True)


def _entry(entry: Entry) -> str:
    if entry.events is not None:
        return " or ".join(entry.events)
    newer = ", by a new act" if entry.after_activity else ""
    return f"{say(entry.when)}{newer}"


def _shorten(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"


def _plain(text: Any) -> str:
    """Return a text without what Mermaid would read as syntax."""
    return " ".join("".join(" " if each in '":;#{}<>\n\r' else each for each in str(text)).split())
