"""Pages may post with a write key from the origins it names, and no page may use a secret key."""

from __future__ import annotations

from lead_events.store.api_keys import KeyKind
from tests.api.conftest import Site, assert_problem
from tests.builders import page_viewed
from tests.logs import stored

SHOP = "https://shop.example"
FOREIGN = [
    "null", "http://shop.example", "https://shop.example:8443", "https://shop.example.evil.test", "https://evilshop.example",
    "https://www.shop.example", "https://SHOP.example", "https://shop.example/", "https://shop.example@evil.test", "shop.example",
    "https://shop.example ,https://evil.test", "*", "https://shop.examp1e", "file://", "chrome-extension://abc", "https://xn--shp-tna.example",
]  # fmt: skip


def test_a_preflight_is_answered_before_any_key_is_asked_for(site: Site) -> None:
    """It echoes the origin and the headers asked for, and may be remembered for ten minutes at least."""
    asked = "authorization, content-type, rsa-retry-attempt"
    headers = {"origin": SHOP, "access-control-request-method": "POST", "access-control-request-headers": asked}
    answer = site.ask("OPTIONS", "/v1/events", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-headers"] == asked
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert int(answer.headers["access-control-max-age"]) >= 600
    assert "origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


def test_headers_that_are_no_names_are_not_echoed(site: Site) -> None:
    """Only what can be header names goes back."""
    answer = site.ask("OPTIONS", "/v1/events", headers={"origin": SHOP, "access-control-request-headers": "x: y; <script>"})
    assert answer.status_code == 204
    assert "access-control-allow-headers" not in answer.headers


def test_a_key_that_names_no_origins_serves_any(site: Site) -> None:
    """The origin is echoed, never ``*``, never with credentials; a page of a file has the origin ``null``."""
    for origin in (SHOP, "null", "http://localhost:3000"):
        answer = site.post(page_viewed(), headers={"origin": origin})
        assert answer.status_code == 202
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["vary"] == "origin"
        assert answer.headers["access-control-expose-headers"] == "retry-after"
        assert "access-control-allow-credentials" not in answer.headers


def test_a_key_that_names_origins_serves_them(site: Site) -> None:
    """Every named origin, and whoever is no page."""
    key = site.make_key(KeyKind.WRITE, origins=[SHOP, "https://app.example"])
    for headers in ({"origin": SHOP}, {"origin": "https://app.example"}, {}):
        assert site.post(page_viewed(), key, headers=headers).status_code == 202


def test_a_key_that_names_origins_serves_no_other(site: Site) -> None:
    """No prefix, suffix, scheme, port or case trick passes, wherever the key stands; the page can read why."""
    key = site.make_key(KeyKind.WRITE, origins=[SHOP])
    for origin in FOREIGN:
        in_header = site.post(page_viewed(), key, headers={"origin": origin})
        in_body = site.post({**page_viewed(), "write_key": key}, "", headers={"origin": origin})
        for answer in (in_header, in_body):
            assert_problem(answer, 403, "origin_not_allowed")
            assert answer.headers["access-control-allow-origin"] == origin
    assert stored(site.engine) == []


def test_a_secret_key_in_a_page_is_refused(site: Site) -> None:
    """Everybody can read it there."""
    assert_problem(site.post(page_viewed(), site.secret_key, headers={"origin": SHOP}), 403, "secret_key_in_browser")


def test_pages_can_read_errors(site: Site) -> None:
    """Without these headers a browser shows a network error and hides the reason."""
    cases = [(b"{", None, 400), (b"{}", "", 401), (b" " * 600_000, None, 413), (b'{"type":"page.viewed"}', None, 422)]
    for body, key, status in cases:
        answer = site.post(body, key, headers={"origin": SHOP})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == SHOP


def test_who_is_no_page_gets_no_cors(site: Site) -> None:
    """Servers and tools need none of it."""
    assert not [name for name in site.post(page_viewed()).headers if name.startswith("access-control")]
