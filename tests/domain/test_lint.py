"""What lint says of a document: every mistake at once, each with its line, a reason and a suggestion."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
import yaml

import lead_events
from lead_events.domain import lint
from lead_events.domain.findings import Finding, Severity
from lead_events.domain.lint_words import DECIMALS
from lead_events.domain.model_text import UnreadableModel, read_json, read_yaml

SHIPPED = Path(lead_events.__file__).with_name("default_model.yaml").read_text(encoding="utf-8")

SMALL = """\
scores:
  behaviour:
    half_life: 30d
    cap: 100
    rules:
      - {id: view, when: {type: page.viewed}, points: 5}
      - {id: file, when: {type: file.downloaded, properties.file: {glob: "*price*"}}, points: 30, cap: 60}
definitions:
  ready:
    all:
      - {contact: present}
      - {scores.behaviour: {at_least: 50}}
temperature: {hot: ready}
stages:
  visitor: {}
  lead:
    entry:
      - {from: [visitor], when: {contact: present}}
    exits:
      - {to: visitor, after: 30d, idle: true, reason: asleep}
"""


def found(text: str, carried: Collection[str] | None = None) -> list[Finding]:
    """Return what lint finds."""
    read = read_yaml(text)
    return lint.lint(read.document, read.lines, read.traps, carried)


def only(old: str, new: str) -> Finding:
    """Replace a part of the small model and return the one finding."""
    assert old in SMALL
    (finding,) = found(SMALL.replace(old, new))
    return finding


def test_the_shipped_model_is_clean_and_read_as_every_yaml_reader_reads_it() -> None:
    """The document that people copy gives no finding, and means the same to a YAML 1.1 reader."""
    assert found(SHIPPED) == []
    assert read_yaml(SHIPPED).document == yaml.safe_load(SHIPPED)
    assert found(SMALL) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "pointer", "words", "suggestion"),
    [
        ("half_life: 30d", "halflife: 30d", 3, "/scores/behaviour/halflife", "no field", "did you mean half_life?"),
        ("half_life: 30d", "half_life: 30", 3, "/scores/behaviour/half_life", "such as 30d", None),
        ("half_life: 30d", "half_life: 30x", 3, "/scores/behaviour/half_life", "'30x' is not a duration", None),
        ("{type: page.viewed}", "{page.path: /x}", 6, "/scores/behaviour/rules/0/when/page.path", "no field 'page.path'",
         "did you mean context.page.path?"),
        ("properties.file:", "file:", 7, "/scores/behaviour/rules/1/when/file", "no field 'file'",
         "did you mean properties.file?"),
        ("{glob:", "{globe:", 7, "/scores/behaviour/rules/1/when/properties.file/globe", "unknown operator",
         "did you mean glob?"),
        ("id: file", "id: view", 7, "/scores/behaviour/rules/1/id", "stands more than once", None),
        ('{glob: "*price*"}', '{matches: "(price"}', 7, "/scores/behaviour/rules/1/when/properties.file/matches", "RE2", None),
        ("scores.behaviour:", "scores.behavior:", 12, "/definitions/ready/all/1/scores.behavior", "no score",
         "did you mean behaviour?"),
        ("{at_least: 50}", "{atleast: 50}", 12, "/definitions/ready/all/1/scores.behaviour/atleast", "not 'atleast'",
         "did you mean at_least?"),
        ("{contact: present}\n      - {s", "{contakt: present}\n      - {s", 11, "/definitions/ready/all/0/contakt",
         "no field 'contakt'", "did you mean contact?"),
        ("hot: ready", "hot: redy", 13, "/temperature/hot/definition", "no definition 'redy'", "did you mean ready?"),
        ("from: [visitor]", "from: [visitr]", 18, "/stages/lead/entry/0/from/0", "no stage 'visitr'", "did you mean visitor?"),
        ("after: 30d", "after: soon", 20, "/stages/lead/exits/0/after", "'soon' is not a duration", None),
        (", idle: true", "", 20, "/stages/lead/exits/0", "either for idle", None),
        ("  behaviour:\n", "  Behaviour!:\n", 2, "/scores/Behaviour!", "lower-case letters", None),
        ("cap: 100", "cap: 100,5", 4, "/scores/behaviour/cap", "this is a number, not '100,5'", "write 100.5"),
        ("cap: 100", "cap: 60%", 4, "/scores/behaviour/cap", "this is a number, not '60%'", DECIMALS),
        ("cap: 100", "cap: 0", 4, "/scores/behaviour/cap", "this is above 0, not 0", None),
        ("points: 5}", "points: 4,5}", 6, "/scores/behaviour/rules/0/5", "no field '5'", DECIMALS),
        ("points: 5}", "points: 5, limit: {times: 1, per: week}}", 6, "/scores/behaviour/rules/0/limit/per",
         "this is 'session', 'day' or 'ever', not 'week'", None),
        ("points: 5}", "points: 5, limit: {times: 0, per: day}}", 6, "/scores/behaviour/rules/0/limit/times",
         "this is at least 1, not 0", None),
        ("when: {type: page.viewed}", "when: page.viewed", 6, "/scores/behaviour/rules/0/when", "such as {name: value}", None),
        ("from: [visitor]", "from: visitor", 18, "/stages/lead/entry/0/from", "this takes a list", None),
        ("when: {contact: present}}", "on: [lead.accepted]}", 18, "/stages/lead/entry/0/on", "no field 'on'",
         "did you mean events?"),
        ("scores:\n", "time_zone: 1\nscores:\n", 1, "/time_zone", "this is a text", 'write "1"'),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_with_its_line_and_a_suggestion(
    old: str, new: str, line: int, pointer: str, words: str, suggestion: str | None
) -> None:
    """Whatever publishing would refuse is found where it stands."""
    assert old in SMALL
    errors = [each for each in found(SMALL.replace(old, new)) if each.severity is Severity.ERROR]
    matching = [each for each in errors if each.pointer == pointer]
    assert matching, errors
    assert matching[0].line == line
    assert words in matching[0].message
    assert matching[0].suggestion == suggestion


@pytest.mark.parametrize(
    ("old", "new", "pointer", "words"),
    [
        ("points: 30, cap: 60", "points: 70, cap: 60", "/scores/behaviour/rules/1/points", "never give more than 60"),
        ("points: 5}", "points: 0}", "/scores/behaviour/rules/0/points", "gives no points"),
        ("{at_least: 50}", "{at_least: 150}", "/definitions/ready/all/1/scores.behaviour", "cannot reach 150; its most is 100"),
        ("type: page.viewed", "type: page.view", "/scores/behaviour/rules/0/when/type", "no built-in type"),
        ("properties.file:", "properties.files:", "/scores/behaviour/rules/1/when/properties.files", "no built-in property"),
        ('{glob: "*price*"}', "{at_least: 9, at_most: 3}", "/scores/behaviour/rules/1/when/properties.file", "no number"),
        ("{contact: present}\n      - {s", "{traits.job_titel: present}\n      - {s", "/definitions/ready/all/0/traits.job_titel",
         "no built-in trait"),
        ("from: [visitor]", "from: [lead]", "/stages/lead/entry", "no lead reaches stage lead"),
    ],
)  # fmt: skip
def test_what_is_probably_a_mistake_is_a_warning(old: str, new: str, pointer: str, words: str) -> None:
    """It can be published all the same."""
    finding = only(old, new)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, pointer)
    assert words in finding.message


def test_a_rule_that_another_one_repeats_and_a_stage_without_entry_are_found() -> None:
    """Both are legal, and hardly ever meant."""
    twin = SMALL.replace("definitions:", "      - {id: again, when: {type: page.viewed}, points: 1}\ndefinitions:")
    assert [f.pointer for f in found(twin)] == ["/scores/behaviour/rules/2/when"]
    assert [f.pointer for f in found(SMALL + "  lost: {}\n")] == ["/stages/lost"]


def test_a_condition_that_cannot_hold_is_found() -> None:
    """A score cannot be high and low at once."""
    text = SMALL.replace("{contact: present}\n      - {s", "{scores.behaviour: {below: 20}}\n      - {s")
    assert [(f.pointer, f.severity) for f in found(text)] == [("/definitions/ready/all", Severity.WARNING)]


def test_yes_and_no_are_texts_and_are_pointed_out() -> None:
    """YAML 1.1 would make booleans of ``on``, ``yes`` and ``no``; here they stay what was written."""
    read = read_yaml("on: 1\nanswer: no\nquoted: 'no'\ntruth: true\nnothing: ~\nclock: 12:30\nday: 2026-11-21\n")
    assert read.document == {
        "on": 1, "answer": "no", "quoted": "no", "truth": True, "nothing": None, "clock": "12:30", "day": "2026-11-21",
    }  # fmt: skip
    assert read.traps == [("/on", "on"), ("/answer", "no")]
    text = SMALL.replace("{type: page.viewed}", "{type: page.viewed, properties.campaign: no}")
    assert any("boolean for other YAML readers" in finding.message for finding in found(text))


_BILLION = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("scores:\n  a: [1,\n  b: 2]\n  c: [\n", 5),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: !!python/object:os.system {}\n", 1),
        ("a: &x [*x]\n", 1),
        (_BILLION, 1),
        ("[" * 5_000, 1),
        ("a: 123456789012345678901\n", 1),
        ('a: "\\ud800"\n', 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("? [1]\n: 2\n", 1),
    ],
)  # fmt: skip
def test_unreadable_text_is_one_error_with_a_line(text: str, line: int) -> None:
    """Broken, hostile and ambiguous YAML is refused, quickly, and never built."""
    with pytest.raises(UnreadableModel) as refused:
        read_yaml(text)
    finding = refused.value.finding
    assert (finding.severity, finding.line) == (Severity.ERROR, line)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("    half_life", "\thalf_life", 3, "a tab stands here; indent with spaces"),
        ("      - {id: file", "    - {id: file", 7, "indented otherwise"),
        ("  behaviour:\n", "  behaviour:x\n", 3, "the space after each :"),
        ("points: 5}", "points: 5", 7, "the { of line 6 is not closed"),
        ("from: [visitor]", "from: [visitor", 18, "the [ of line 18 is not closed"),
        ('"*price*"', "*price*", 7, "must stand in quotes"),
        ("cap: 100", "half_life: 1d", 4, "'half_life' stands here twice, first on line 3"),
        ("cap: 60}", "cap: 1,000,000}", 7, DECIMALS),
        ("asleep}\n", 'asleep}\nname: "open\n', 22, "the quote of line 21 is not closed"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_without_the_words_of_a_parser(old: str, new: str, line: int, words: str) -> None:
    """A marketer who wrote a tab, forgot a bracket or a quote, or wrote a number as at home learns what to do."""
    assert old in SMALL
    with pytest.raises(UnreadableModel) as refused:
        read_yaml(SMALL.replace(old, new))
    assert refused.value.line == line
    assert words in refused.value.reason


def test_a_refused_pattern_leaves_nothing_else_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """The library of patterns would write lines of its own beside what lint says."""
    (finding,) = (each for each in found(SMALL.replace('{glob: "*price*"}', '{matches: "(price"}')))
    assert finding.message == "matches is not RE2 syntax: missing ): (price"
    assert capfd.readouterr().err == ""


def test_every_mistake_is_named_at_once() -> None:
    """Nobody wants to publish ten times to find ten mistakes."""
    text = SMALL.replace("half_life: 30d", "half_life: x").replace("hot: ready", "hot: redy").replace("{glob:", "{globe:")
    with pytest.raises(lint.RefusedModel) as refused:
        lint.check(read_yaml(text).document, read_yaml(text).lines)
    assert [error["line"] for error in refused.value.errors] == [3, 7, 13]
    assert "and 2 more" in str(refused.value)


def test_json_has_lines_too() -> None:
    """JSON is read strictly, and its lines are known all the same."""
    read = read_json(b'{\n "scores": {\n  "a": {"rules": 3}}}')
    (finding,) = lint.lint(read.document, read.lines)
    assert (finding.pointer, finding.line) == ("/scores/a/rules", 3)


GROUPED = SMALL.replace(
    "    rules:\n",
    "    groups: {acts: {cap: 25, limit: {times: 2, per: day}}}\n"
    "    inactivity:\n"
    "      - {id: quiet, after: 45d, points: -20, unless: {stage: [lead]}}\n"
    "    rules:\n"
    "      - {id: chat, when: {type: chat.started}, points: 5, group: acts, limit: {times: 2, per: day}}\n",
).replace("stages:\n", "grade: {letter: {score: behaviour, steps: [60, 30]}, digit: {score: behaviour, steps: [50]}}\nstages:\n")


@pytest.mark.parametrize(
    ("old", "new", "pointer", "severity", "words"),
    [
        ("group: acts", "group: act", "/scores/behaviour/rules/0/group", "error", "there is no group 'act'"),
        ("after: 45d, p", "after: 45, p", "/scores/behaviour/inactivity/0/after", "error", "such as 30d"),
        ("points: -20", "points: -20, set: 0", "/scores/behaviour/inactivity/0", "error", "either points or set"),
        ("id: quiet", "id: chat", "/scores/behaviour/inactivity/0/id", "error", "stands more than once"),
        ("{stage: [lead]}", "{stag: lead}", "/scores/behaviour/inactivity/0/unless/stag", "error", "no field 'stag'"),
        ("points: 5, group", "valid_for: 900d, points: 5, group", "/scores/behaviour/rules/0", "error", "remembered one by one"),
        ("steps: [60, 30]", "steps: [30, 60]", "/grade/letter/steps", "error", "they fall"),
        ("steps: [50]", "step: [50]", "/grade/digit/step", "error", "no field 'step'"),
        ("points: 5, group", "points: 50, group", "/scores/behaviour/rules/0/points", "warning", "never give more than 25"),
        ("group: acts, limit: {times: 2", "group: acts, limit: {times: 5", "/scores/behaviour/rules/0/limit", "warning",
         "never reached"),
        ("group: acts, ", "", "/scores/behaviour/groups/acts", "warning", "no rule belongs"),
        ("steps: [60, 30]", "steps: [600, 30]", "/grade/letter/steps/0", "warning", "cannot reach 600; its most is 100"),
        ("    exits:\n      - {to: visitor, after: 30d, idle: true, reason: asleep}\n", "", "/stages/lead", "warning",
         "no lead ever leaves"),
        ("  lead:\n", "  lead:\n    requires: [traits.phon]\n", "/stages/lead/requires/0/traits.phon", "warning",
         "no built-in trait"),
        ("  lead:\n", "  lead:\n    requires: [{contakt: present}]\n", "/stages/lead/requires/0/contakt", "error", "no field"),
        ("  ready:\n", "  ready:\n    approvers: anna\n", "/definitions/ready/approvers", "error", "a list of at most"),
        ("  ready:\n", "  ready:\n    approvers: [anna]\n", "/definitions/ready", "warning", "not the words they agree on"),
        ("  ready:\n    all:\n", "  ready:\n    at_least: 3\n    of:\n", "/definitions/ready/at_least", "warning", "3 of 2"),
        ("stages:\n", "targets: [{id: t, definition: redy, at_least: 5, per: month}]\nstages:\n", "/targets/0/definition",
         "error", "no definition 'redy'"),
        ("{contact: present}\n      - {s", "{sum: {type: deal.won, of: properties.amount}, at_least: 9, within: 1d}\n      - {s",
         "/definitions/ready/all/0", "error", "any number of small amounts"),
        ("{contact: present}\n      - {s", "{sequence: [{type: page.viewed}, {tipe: x}], within: 1d}\n      - {s",
         "/definitions/ready/all/0/sequence/1/tipe", "error", "no field 'tipe'"),
        ("{contact: present}\n      - {s", "{since: {type: page.viewed}, at_leest: 7d}\n      - {s",
         "/definitions/ready/all/0/at_leest", "error", "not 'at_leest'"),
    ],
)  # fmt: skip
def test_the_whole_language_is_looked_through(old: str, new: str, pointer: str, severity: str, words: str) -> None:
    """Groups, silence, windows, grades, requirements, agreement and targets: each mistake where it stands."""
    assert found(GROUPED) == []
    assert old in GROUPED
    text = GROUPED.replace(old, new)
    matching = [each for each in found(text) if each.pointer == pointer and each.severity == severity]
    assert matching, found(text)
    assert any(words in each.message for each in matching), matching
    assert all(each.line for each in matching)


def test_a_trait_that_nobody_sends_is_found_where_it_is_asked_for() -> None:
    """Only when the log is at hand; a near name is suggested."""
    text = SMALL.replace("{contact: present}\n      - {s", "{traits.annual_turnover: {above: 5}}\n      - {s")
    assert found(text) == []
    (finding,) = found(text, carried={"turnover", "annual_turnover_eur", "job_title"})
    assert (finding.pointer, finding.line) == ("/definitions/ready/all/0/traits.annual_turnover", 11)
    assert "no form asks for it" in finding.message
    assert finding.suggestion == "did you mean annual_turnover_eur?"
    assert found(text, carried={"annual_turnover"}) == []
