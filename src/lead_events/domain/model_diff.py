"""What differs between two model documents, in plain words and as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lead_events.domain.model_text import step

_WORDS = {
    "at_least": "at least",
    "at_most": "at most",
    "one_of": "one of",
    "half_life": "half-life",
    "valid_for": "valid for",
    "distinct": "different",
    "dwell": "time on pages",
    "since": "time since",
    "contact_within": "contact within",
    "decide_within": "decide within",
}
_HOW_MUCH = frozenset({"at_least", "at_most", "within", "lately"})
_UNSET = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        pointer: where (RFC 6901); a rule stands by its id, as in ``/scores/behaviour/rules/form/points``.
        kind: ``added``, ``removed`` or ``changed``.
        old, new: the values; None where there is none.
        words: the difference as a sentence.
    """

    pointer: str
    kind: Literal["added", "removed", "changed"]
    old: Any
    new: Any
    words: str


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Compare two documents that can be published.

    Returns:
        Every difference, in the order of the new document; what was removed stands after what is there.
    """
    return list(_compare(_by_id(old), _by_id(new), "", ()))


def _by_id(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose rules, targets and tests stand by their ids: moving one changes nothing, as order means nothing."""
    named = {
        name: score | {part: _named(score[part], "id") for part in ("rules", "inactivity") if part in score}
        for name, score in (document.get("scores") or {}).items()
    }
    lists = {part: _named(document[part], key) for part, key in (("targets", "id"), ("tests", "name")) if part in document}
    return {**document, "scores": named, **lists}


def _named(items: list[dict[str, Any]], key: str) -> Any:
    """Return a list as a mapping by name, unless two have the same one."""
    found = {item[key]: {k: v for k, v in item.items() if k != key} for item in items}
    return found if len(found) == len(items) else items


def _compare(old: Any, new: Any, pointer: str, path: tuple[str, ...]) -> Iterator[Difference]:
    if _same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*new, *(name for name in old if name not in new)]:
            yield from _compare(old.get(name, _UNSET), new.get(name, _UNSET), step(pointer, name), (*path, str(name)))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, pointer, path)
    elif old is _UNSET:
        yield Difference(pointer, "added", None, new, f"{_place(path)} is new: {say(new)}")
    elif new is _UNSET:
        yield Difference(pointer, "removed", old, None, f"{_place(path)} is gone: {say(old)}")
    else:
        yield Difference(pointer, "changed", old, new, f"{_place(path)}: {say(old)} → {say(new)}")


def _compare_lists(old: list[Any], new: list[Any], pointer: str, path: tuple[str, ...]) -> Iterator[Difference]:
    """Pair what is equal, then what is of one kind, in order, among the rest, as people do."""
    gone = [item for item in old if not any(_same(item, other) for other in new)]
    come = [(index, item) for index, item in enumerate(new) if not any(_same(item, other) for other in old)]
    for index, item in come:
        before = next((other for other in gone if _is_like(other, item)), None)
        if before is not None:
            gone.remove(before)
            yield from _compare(before, item, f"{pointer}/{index}", path)
        else:
            yield Difference(f"{pointer}/{index}", "added", None, item, f"{_place(path)} also has: {say(item)}")
    for item in gone:
        yield Difference(pointer, "removed", item, None, f"{_place(path)} no longer has: {say(item)}")
    if not come and not gone and old != new:
        yield Difference(pointer, "changed", old, new, f"{_place(path)} has another order: {say(new)}")


def _is_like(one: Any, other: Any) -> bool:
    """Say whether one may have become the other: two conditions ask for the same, however much of it they ask."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return bool((one.keys() & other.keys()) - _HOW_MUCH)
    return isinstance(one, Mapping) == isinstance(other, Mapping)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other) if isinstance(one, bool) or isinstance(other, bool) else one == other


def _place(path: tuple[str, ...]) -> str:
    """Say where something stands."""
    match path:
        case ("scores", score, "rules", rule, *rest):
            return " ".join([f"rule {rule} of {score}", *_names(rest)])
        case ("scores", score, "groups", group, *rest):
            return " ".join([f"group {group} of {score}", *_names(rest)])
        case ("scores", score, "inactivity", rule, *rest):
            return " ".join([f"silence {rule} of {score}", *_names(rest)])
        case ("scores", score, *rest):
            return " ".join([f"score {score}", *_names(rest)])
        case ("definitions" | "stages" | "temperature" | "topics" | "targets" | "tests", name, *rest):
            return " ".join([f"{path[0].removesuffix('s')} {name}", *_names(rest)])
    return " ".join(_names(path)) or "the document"


def _names(path: Any) -> list[str]:
    skipped = {"all", "rules"}
    return [_WORDS.get(name, name if "." in name else name.replace("_", " ")) for name in path if name not in skipped]


def say(value: Any) -> str:
    """Return a value of a document as people would write it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case float() | int():
            return f"{value:.15g}"
        case list():
            return ", ".join(say(item) for item in value) or "nothing"
        case Mapping():
            return "; ".join(f"{_WORDS.get(name, name)} {say(item)}" for name, item in value.items()) or "nothing"
    return str(value)
