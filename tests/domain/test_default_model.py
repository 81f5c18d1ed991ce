"""The shipped model: whom its definition means qualifies, in English and in Russian, and whom it does not mean does not."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.given import given, happened, identified, shipped_document, shipped_model, viewed

TITLES = [
    "Marketing Director",
    "Director of Marketing",
    "Head of Marketing",
    "Chief Marketing Officer",
    "CMO",
    "VP Marketing",
    "VP of Marketing",
    "marketing & PR director",
    "Директор по маркетингу",
    "ДИРЕКТОР ОТДЕЛА МАРКЕТИНГА",
    "Руководитель отдела маркетинга",
    "Начальник отдела маркетинга",
    "Маркетинг-директор",
]
OTHERS = ["Marketing manager", "Sales director", "Accountant", "Маркетолог", "Коммерческий директор", ""]
INDUSTRIES = ["Trading company", "Wholesale", "Retail", "E-commerce", "Оптовая торговля", "ТОРГОВЛЯ", "Розница", "Ритейл"]
INTEREST = [
    "/services/site-efficiency",
    "/blog/effectiveness-of-your-site",
    "/конверсия",
    "/effektivnost-sajta",
    "/эффективность/",
]
PRICES = ["/pricing", "/prices/", "/Price.html", "/tseny", "/цены", "/ru/цены/"]
TERMS = ["/terms", "/terms-of-cooperation", "/usloviya", "/usloviya-sotrudnichestva/", "/условия", "/условия-сотрудничества"]


def history(
    title: str = "CMO", industry: str = "Trade", interest: str = INTEREST[0], price: str = PRICES[0], terms: str = TERMS[0]
) -> list[dict[str, Any]]:
    """A marketing director of a trader who read about services, prices and terms, with one thing varied; paths are encoded."""
    return [
        viewed("0", quote(interest)),
        viewed("1m", quote(price)),
        viewed("2m", quote(terms)),
        identified("3m", job_title=title, industry=industry, annual_turnover=1_200_000),
    ]


@pytest.mark.parametrize("title", TITLES)
def test_titles_that_qualify(title: str) -> None:
    """A marketing director is one in either language and any spelling."""
    given(*history(title=title)).then(met={"sales-ready"}, stage="mql")


@pytest.mark.parametrize("title", OTHERS)
def test_titles_that_do_not(title: str) -> None:
    """Whoever else looks at the same pages is a lead, and the title is what is missing."""
    given(*history(title=title)).then(met=set(), stage="lead", missing=["traits.job_title"])


@pytest.mark.parametrize("industry", INDUSTRIES)
def test_industries_that_qualify(industry: str) -> None:
    """A trading company is one in either language."""
    given(*history(industry=industry)).then(met={"sales-ready"})


@pytest.mark.parametrize("path", INTEREST)
def test_interest_in_efficiency(path: str) -> None:
    """Interest shows in a page's path, percent-encoded or not."""
    given(*history(interest=path)).then(met={"sales-ready"})


@pytest.mark.parametrize("path", PRICES)
def test_prices_are_found_under_many_paths(path: str) -> None:
    """Prices are looked at under English, transliterated and Russian paths."""
    given(*history(price=path)).then(met={"sales-ready"})


@pytest.mark.parametrize("path", TERMS)
def test_terms_are_found_under_many_paths(path: str) -> None:
    """Terms of cooperation are found under their usual paths."""
    given(*history(terms=path)).then(met={"sales-ready"})


@pytest.mark.parametrize("turnover", [1_000_000, 999_999, None])
def test_turnover_is_above_a_million(turnover: int | None) -> None:
    """A million is not above a million, and unknown is not enough."""
    said = history()
    said[-1]["traits"]["annual_turnover"] = turnover
    given(*said).then(met=set(), missing=["traits.annual_turnover"])


def test_price_lists_and_lead_magnets_are_told_apart() -> None:
    """A price list gives thirty points once a day, other files ten, by name and in Russian too."""
    file = "file.downloaded"
    given(happened("0", file, file="Price-List.pdf")).then(score_behaviour=30.0)
    given(happened("0", file, file=quote("прайс-лист.pdf"))).then(score_behaviour=30.0)
    given(happened("0", file, file="guide.pdf")).then(score_behaviour=10.0)
    given(happened("0", file, file="price.pdf"), happened("0", file, file="price2.pdf")).then(score_behaviour=30.0)


def test_unsubscribing_costs_ten_points() -> None:
    """A negative point is a point; nobody falls below nothing."""
    given(happened("0", "webinar.attended"), happened("0", "email.unsubscribed")).then(score_behaviour=10.0)
    given(happened("0", "email.unsubscribed")).then(score_behaviour=0.0, do_not_contact=["email"])


def test_unknown_fit_is_null() -> None:
    """A lead without a fact has no fit; with an unfitting one it has none to speak of."""
    given(viewed("0")).then(score_fit=None)
    given(identified("0")).then(score_fit=None)
    given(identified("0", job_title="Accountant")).then(score_fit=0.0)


def test_event_entries_are_lists_of_types() -> None:
    """YAML reads no entry as anything but what was written: ``events`` are texts, ``from`` are stages."""
    for stage in shipped_document()["stages"].values():
        for entry in stage.get("entry", []):
            assert set(entry) <= {"from", "events", "when", "after_activity"}
            assert all(isinstance(type_, str) and "." in type_ for type_ in entry.get("events", []))
    assert shipped_model().stages_left_by_activity == {"recycled"}
