"""Text of a model document, YAML or JSON, to values and the line each stands on.

Scalars are read as YAML 1.2 reads them (https://yaml.org/spec/1.2.2/#103-core-schema): ``on``, ``yes`` and ``no`` are texts,
never booleans. What the values mean is in ``document``, ``model`` and ``lint``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from lead_events.domain import strict_json
from lead_events.domain.errors import InvalidJson, InvalidModel
from lead_events.domain.findings import Finding, Severity
from lead_events.domain.lint_words import DECIMALS, say_yaml

MAX_CHARACTERS = 262_144
MAX_VALUES = 50_000
MAX_DEPTH = 40

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TRAPS = frozenset({"yes", "no", "on", "off"})
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


class UnreadableModel(InvalidModel):
    """The model document cannot be read: line {1}: {0}."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason, line)
        self.reason = reason
        self.line = line

    @property
    def finding(self) -> Finding:
        """Return it as lint would say it."""
        return Finding(Severity.ERROR, "", self.line, self.reason)


@dataclass(slots=True)
class ModelText:
    """What a text says.

    Attributes:
        lines: JSON pointer → line, counted from 1.
        traps: pointers of plain words that YAML 1.1 takes for booleans, with the word.
    """

    document: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    traps: list[tuple[str, str]] = field(default_factory=list)
    values: int = 0


def read_yaml(text: str) -> ModelText:
    """Read one YAML document.

    Raises:
        UnreadableModel: it is no YAML, too large, or holds what JSON cannot say; names the line.
    """
    found = ModelText()
    try:
        if len(text) > MAX_CHARACTERS:
            raise UnreadableModel(f"it has more than {MAX_CHARACTERS} characters", 1)
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        if node is None:
            raise UnreadableModel("it is empty", 1)
        found.document = _value(found, node, "", 0)
    except yaml.MarkedYAMLError as error:
        raise _refuse(error) from None
    except yaml.YAMLError as error:
        place = getattr(error, "position", 0)
        raise UnreadableModel("it holds a character that YAML does not allow", text.count("\n", 0, place) + 1) from None
    except RecursionError:
        raise UnreadableModel(f"it is nested deeper than {MAX_DEPTH} levels", 1) from None
    return found


def read_json(text: bytes) -> ModelText:
    """Read one JSON value; its lines are known where YAML can read it too, which is nearly always.

    Raises:
        InvalidJson: it is none.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidJson(f"it has more than {MAX_CHARACTERS} bytes.")
    document = strict_json.parse(text, max_depth=MAX_DEPTH)
    try:
        lines = read_yaml(text.decode()).lines
    except UnreadableModel:
        lines = {}
    return ModelText(document, lines)


def step(pointer: str, name: object) -> str:
    """Return the pointer one step further (RFC 6901)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _refuse(error: yaml.MarkedYAMLError) -> UnreadableModel:
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    words = say_yaml(error.problem or "it is no YAML", opened.line + 1 if opened else None)
    return UnreadableModel(words, mark.line + 1 if mark else 1)


def _value(found: ModelText, node: yaml.Node, pointer: str, depth: int) -> Any:
    line = node.start_mark.line + 1
    found.lines.setdefault(pointer, line)
    found.values += 1
    if depth > MAX_DEPTH:
        raise UnreadableModel(f"it is nested deeper than {MAX_DEPTH} levels", line)
    if found.values > MAX_VALUES:
        raise UnreadableModel(f"it holds more than {MAX_VALUES} values, aliases counted each time", line)
    if node.tag not in _TAGS:
        raise UnreadableModel(f"the tag {node.tag} is not for models; leave it out", line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(found, item, step(pointer, n), depth + 1) for n, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(found, node, pointer, depth)
    return _scalar(found, node, pointer)


def _mapping(found: ModelText, node: yaml.MappingNode, pointer: str, depth: int) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, item in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise UnreadableModel("a name is a text, not a list or a mapping", line)
        key = _checked(key_node.value, line)
        inner = step(pointer, key)
        if key in mapping:
            hint = f"; {DECIMALS}" if key.isdigit() else ""
            raise UnreadableModel(f"{key!r} stands here twice, first on line {found.lines[inner]}{hint}", line)
        found.lines[inner] = line
        _note_trap(found, key_node, inner)
        mapping[key] = _value(found, item, inner, depth + 1)
    return mapping


def _scalar(found: ModelText, node: yaml.Node, pointer: str) -> Any:
    text, line = _checked(str(node.value), node.start_mark.line + 1), node.start_mark.line + 1
    if getattr(node, "style", None) is not None:
        return text
    _note_trap(found, node, pointer)
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
            raise UnreadableModel("a whole number does not fit 64 bits", line)
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        if not isfinite(number):
            raise UnreadableModel("a number is too large", line)
        return number
    return text


def _note_trap(found: ModelText, node: yaml.Node, pointer: str) -> None:
    if getattr(node, "style", None) is None and str(node.value).lower() in _TRAPS:
        found.traps.append((pointer, str(node.value)))


def _checked(text: str, line: int) -> str:
    if "\0" in text:
        raise UnreadableModel("a text holds a NUL character", line)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableModel("a text holds half of a surrogate pair", line) from None
    return text
