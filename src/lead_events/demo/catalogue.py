"""What the demo site offers: pages, products, files, forms, webinars, offers and campaigns.

The names of people and companies are in ``names``. Hosts end in ``.example``, so nothing here belongs to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from urllib.parse import quote

ORIGIN = "https://www.leadlab.example"

HOME, PRICING, TERMS, CONTACTS, DOWNLOADS, PRICE_REQUEST, WEBINARS = range(7)
"""Numbers of the pages that the journeys name; see ``Site.pages``."""

_CORE = (
    ("/", "LeadLab: заявки с сайта"),
    ("/pricing", "Цены"),
    ("/terms", "Условия сотрудничества"),
    ("/contacts", "Контакты"),
    ("/downloads", "Материалы"),
    ("/price-request", "Запросить расчёт"),
    ("/webinars", "Вебинары"),
    ("/about", "О компании"),
    ("/en/", "LeadLab: leads from your site"),
    ("/pricing/enterprise", "Цены для крупных компаний"),
    ("/calculator", "Калькулятор отдачи"),
    ("/vacancies", "Вакансии"),
)

_TOPICS = (
    ("konversiya", "Конверсия"),
    ("landing-pages", "Landing pages"),
    ("lead-scoring", "Lead scoring"),
    ("email-rassylki", "Рассылки"),
    ("vebinary", "Вебинары"),
    ("crm", "CRM"),
    ("ab-tests", "A/B tests"),
    ("seo", "SEO"),
    ("kontekst", "Контекстная реклама"),
    ("analytics", "Analytics"),
    ("chat", "Чат на сайте"),
    ("popups", "Pop-ups"),
    ("call-tracking", "Call tracking"),
    ("kontent", "Контент"),
    ("b2b-sales", "B2B sales"),
    ("otdel-prodazh", "Отдел продаж"),
    ("segments", "Segments"),
    ("onboarding", "Onboarding"),
    ("retention", "Retention"),
    ("yuzabiliti", "Юзабилити"),
)
_ANGLES = (
    ("kak-nachat", "как начать"),
    ("10-mistakes", "10 mistakes"),
    ("checklist", "checklist"),
    ("dlya-torgovli", "для торговых компаний"),
    ("for-manufacturers", "for manufacturers"),
    ("primery", "примеры"),
    ("guide", "the guide"),
    ("metrics", "metrics"),
    ("opyt", "опыт клиентов"),
    ("s-nulya", "с нуля"),
    ("budget", "budget"),
    ("2026", "2026"),
)
_SERIES = 60
SERVICES = ("audit", "redesign", "widgets", "crm-setup", "training", "support", "integration", "analytics")
_PLANS = ("start", "team", "business", "corporate", "cloud")
_VERSIONS = 200
_CASES = 1_200
_EVENTS = 120

PRICE_LISTS = ("price-list-2025.pdf", "price-list-2026.pdf", "прайс-лист-2026.xlsx", "price-list-enterprise.pdf")
LEAD_MAGNETS = tuple(f"{kind}-{topic}.pdf" for kind in ("checklist", "ebook", "template") for topic, _ in _TOPICS)
"""Free booklets. They look like a sign of interest and are handed out without any relation to the outcome."""
DOCUMENTS = tuple(f"{kind}-{number:03d}.pdf" for kind in ("case-study", "spec-sheet") for number in range(1, 61))
VIDEOS = tuple(f"{topic}-{angle}" for topic, _ in _TOPICS for angle, _ in _ANGLES[:5])
FORMS = ("price-request", "callback", "consultation", "demo-request")
POPUPS = ("checklist-gift", "discount-10", "callback-now", "newsletter", "webinar-invite")
OFFERS = ("audit-free", "discount-10", "pilot-month", "landing-gift")
PROMO_CODES = ("SPRING10", "WEBINAR15", "PARTNER5", "ЛЕТО2026")
ELEMENTS = ("calculator-run", "show-phone", "open-menu", "compare-plans", "share-article", "faq-open", "tab-features")
WEBINAR_NAMES = tuple(f"{topic}-{year}-{quarter}" for topic, _ in _TOPICS for year in (2025, 2026) for quarter in "1234")
QUERY_WORDS = (
    "повысить", "конверсия", "сайт", "price", "crm", "integration", "лендинг", "заявки", "webinar", "1с",
    "тариф", "api", "audit", "скидка", "email", "оборот", "отчёт", "mobile", "seo", "чат",
)  # fmt: skip
NOTES = ("перезвонить", "ask for the budget", "нужен договор", "sent a summary")
"""What sellers write about a call."""
CHAT_LINES = (
    "Здравствуйте! Сколько стоит тариф {0}?",
    "Do you integrate with {0}?",
    "Можно счёт на {0} мест?",
    "How long does the {0} setup take?",
    "Нужна консультация по теме «{0}»",
)


Page = tuple[str, str, str]
"""One page of the site: address, path as a browser reports it, title. Plain, so that the garbage collector skips it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One advertising campaign: its UTM values, its share of visits, its price of a visit in its currency."""

    source: str
    medium: str
    name: str
    term: str
    content: str
    referrer: str
    weight: float
    visit_cost: float
    currency: str


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that has an address.

    Attributes:
        pages: all pages, those that journeys name first, then articles, products, cases, webinars.
        articles: numbers of the articles, as a half-open range.
        products: numbers of the product pages, as a half-open range.
    """

    pages: tuple[Page, ...]
    articles: tuple[int, int]
    products: tuple[int, int]


def sku(page: int) -> str:
    """Return the product number shown on a product page."""
    return f"LL-{page:05d}"


CAMPAIGNS = (
    Campaign("google", "cpc", "brand-ru", "leadlab", "text-a", "https://www.google.com/", 9, 0.6, "USD"),
    Campaign("google", "cpc", "site-efficiency", "увеличить конверсию", "text-b", "https://www.google.com/", 8, 1.9, "USD"),
    Campaign("yandex", "cpc", "poisk-rf", "заявки с сайта", "ad-7", "https://yandex.ru/", 12, 62, "RUB"),
    Campaign("yandex", "cpc", "rsya-retarget", "", "banner-240", "https://yandex.ru/", 6, 24, "RUB"),
    Campaign("vk", "social", "vk-directors", "", "carousel", "https://vk.com/", 5, 38, "RUB"),
    Campaign("telegram", "social", "channel-posts", "", "post-12", "", 4, 30, "RUB"),
    Campaign("newsletter", "email", "weekly-digest", "", "cta-top", "", 7, 2, "RUB"),
    Campaign("newsletter", "email", "webinar-invite", "", "cta-bottom", "", 4, 2, "RUB"),
    Campaign("linkedin", "paid-social", "cmo-emea", "", "video-30s", "https://www.linkedin.com/", 2, 6.5, "EUR"),
    Campaign("partner-crm", "referral", "partner-2026", "", "catalogue", "https://crm-partner.example/", 3, 1.1, "USD"),
    Campaign("habr", "display", "habr-branding", "", "top", "https://habr.com/", 3, 45, "RUB"),
    Campaign("bing", "cpc", "bing-en", "lead scoring", "text-c", "https://www.bing.com/", 2, 1.2, "USD"),
)


def _utm(campaign: Campaign) -> str:
    named = (("source", campaign.source), ("medium", campaign.medium), ("campaign", campaign.name))
    pairs = (*named, ("term", campaign.term), ("content", campaign.content))
    return "&".join(f"utm_{key}={quote(value)}" for key, value in pairs if value)


UTM_QUERIES = tuple(_utm(campaign) for campaign in CAMPAIGNS)
"""The query string of each campaign's links."""
REFERRERS = (
    "",
    "",
    "",
    "https://www.google.com/",
    "https://yandex.ru/",
    "https://vk.com/",
    "https://news-site.example/best-tools",
)


@lru_cache(maxsize=1)
def site() -> Site:
    """Build the site: 23 732 pages."""
    core = [_page(path, title) for path, title in _CORE]
    articles, products = _articles(), _products()
    cases = [_page(f"/cases/{number}", f"История клиента {number}") for number in range(1, _CASES + 1)]
    webinars = [_page(f"/webinars/{number}", f"Вебинар {number}") for number in range(1, _EVENTS + 1)]
    first, second = len(core), len(core) + len(articles)
    pages = (*core, *articles, *products, *cases, *webinars)
    return Site(pages, (first, second), (second, second + len(products)))


def _page(path: str, title: str) -> Page:
    return ORIGIN + path, path, title


def _articles() -> list[Page]:
    """Write the blog; every seventh series has a Cyrillic address, which browsers report percent-encoded."""
    pages = []
    for (topic, name), (angle, words) in product(_TOPICS, _ANGLES):
        cyrillic = quote(f"{name}-{words}".replace(" ", "-").replace("/", "-"))
        for series in range(1, _SERIES + 1):
            slug = cyrillic if series % 7 == 0 else angle
            pages.append(_page(f"/blog/{topic}/{slug}-{series}", f"{name}: {words}, часть {series}"))
    return pages


def _products() -> list[Page]:
    """Write the product pages."""
    combinations = product(range(1, _VERSIONS + 1), SERVICES, _PLANS)
    return [
        _page(f"/products/{service}/{plan}-{version}", f"{service.capitalize()} {plan} {version}")
        for version, service, plan in combinations
    ]
