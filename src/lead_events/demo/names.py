"""What people and companies in the demo are called, what they do, and which browsers and bots they use.

E-mail addresses at free providers start with ``demo.`` and company domains end in ``.example``: nobody is written to.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_NAMES = (
    ("Анна", "anna"), ("Борис", "boris"), ("Мария", "maria"), ("Иван", "ivan"), ("Ольга", "olga"), ("Сергей", "sergey"),
    ("Елена", "elena"), ("Дмитрий", "dmitry"), ("Наталья", "natalia"), ("Алексей", "alexey"), ("Жанна", "zhanna"),
    ("Юлия", "yulia"), ("Emma", "emma"), ("James", "james"), ("Sofia", "sofia"), ("Lukas", "lukas"), ("Ayşe", "ayse"),
    ("Zoë", "zoe"), ("Peter", "peter"), ("Chloe", "chloe"), ("Тимур", "timur"), ("Гузель", "guzel"), ("Лев", "lev"),
)  # fmt: skip
LAST_NAMES = (
    ("Шевченко", "shevchenko"), ("Ким", "kim"), ("Орлов", "orlov"), ("Белых", "belykh"), ("Кузьмич", "kuzmich"),
    ("Ткач", "tkach"), ("Гусь", "gus"), ("Соловей", "solovey"), ("Черных", "chernykh"), ("Мороз", "moroz"),
    ("Müller", "mueller"), ("O'Brien", "obrien"), ("Novak", "novak"), ("Smith", "smith"), ("García", "garcia"),
    ("Öztürk", "ozturk"), ("Петренко", "petrenko"), ("Литвин", "litvin"), ("Саар", "saar"), ("Wong", "wong"),
)  # fmt: skip
FREE_PROVIDERS = ("gmail.com", "mail.ru", "yandex.ru", "outlook.com")
MOBILE_CODES = ("903", "905", "906", "909", "910", "915", "916", "917", "925", "926", "963", "985")

DECIDERS = (
    "Директор по маркетингу",
    "Marketing Director",
    "Генеральный директор",
    "CEO",
    "Коммерческий директор",
    "Head of Marketing",
    "Собственник",
    "Owner",
    "Директор по развитию",
    "Sales Director",
)
"""Job titles of people who can decide."""
OTHERS = (
    "Маркетолог",
    "SEO-специалист",
    "Content manager",
    "Менеджер по продажам",
    "Analyst",
    "Дизайнер",
    "Student",
    "Бухгалтер",
    "Developer",
    "Ассистент",
)
"""Job titles of people who cannot."""
FITTING_INDUSTRIES = ("Торговля", "Trading", "Оптовая торговля", "Retail")
OTHER_INDUSTRIES = ("Строительство", "Education", "Производство", "Healthcare", "Логистика", "Agency", "HoReCa")

_ROOTS = (
    ("Вектор", "vektor"), ("Меридиан", "meridian"), ("Полюс", "polyus"), ("Каскад", "kaskad"), ("Орион", "orion"),
    ("Гранит", "granit"), ("Сфера", "sfera"), ("Контур", "kontur"), ("Rowan", "rowan"), ("Harbour", "harbour"),
    ("Bluestone", "bluestone"), ("Lumen", "lumen"), ("Quarry", "quarry"), ("Ostrov", "ostrov"), ("Tideway", "tideway"),
    ("Азимут", "azimut"), ("Рубин", "rubin"), ("Факел", "fakel"), ("Maple", "maple"), ("Ember", "ember"),
)  # fmt: skip
_KINDS = (
    ("Торг", "torg"), ("Снаб", "snab"), ("Строй", "stroy"), ("Групп", "group"), ("Trade", "trade"),
    ("Systems", "systems"), ("Логистик", "logistic"), ("Мед", "med"), ("Foods", "foods"), ("Мебель", "mebel"),
    ("Tools", "tools"), ("Тех", "tech"),
)  # fmt: skip
_REGIONS = (
    ("", ""),
    (" Урал", "-ural"),
    (" Сибирь", "-sib"),
    (" Юг", "-yug"),
    (" North", "-north"),
    (" Baltic", "-baltic"),
)

COMPANIES = tuple(
    (f"{root} {kind}{region}", f"{slug}-{kind_slug}{suffix}.example")
    for root, slug in _ROOTS
    for kind, kind_slug in _KINDS
    for region, suffix in _REGIONS
)
"""Company names with their domains, 1 440 of them."""

REJECT_REASONS = ("no_budget", "не наш профиль", "student", "competitor", "no_answer", "too_small")
LOSS_REASONS = ("too_expensive", "выбрали конкурента", "no_decision", "отложили на год", "missing_feature")
SELLERS = ("irina", "pavel", "oleg", "kate", "marat")


@dataclass(frozen=True, slots=True)
class Crawler:
    """A bot that names itself."""

    name: str
    user_agent: str


_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_ANDROID = "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko)"
USER_AGENTS = (
    f"{_WINDOWS} Chrome/141.0.0.0 Safari/537.36",
    f"{_WINDOWS} Chrome/140.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
    f"{_MAC} Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    f"{_PHONE} Version/18.6 Mobile/15E148 Safari/604.1",
    f"{_ANDROID} Chrome/141.0.0.0 Mobile Safari/537.36",
)
CRAWLERS = (
    Crawler("googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    Crawler("yandexbot", "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"),
    Crawler("bingbot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    Crawler("ahrefsbot", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
    Crawler("semrushbot", "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)"),
)
LOCALES = ("ru-RU", "ru-RU", "ru-RU", "en-US", "en-GB", "de-DE", "kk-KZ")
