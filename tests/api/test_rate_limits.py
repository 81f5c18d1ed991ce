"""Token buckets per key and per address: what they let through, whom they count, and that their memory is bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.api.door import client_address
from lead_events.api.rate_limits import Buckets, network_of
from lead_events.store.api_keys import KeyKind
from tests.api.conftest import Site, assert_problem
from tests.builders import page_viewed


class Watch:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.seconds


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    """A full bucket of three at two a second: three at once, then one each half second."""
    watch = Watch()
    buckets = Buckets(2, 3, monotonic=watch)
    for _ in range(3):
        assert buckets.wait("a") == 0.0
        buckets.spend("a", 1)
    assert buckets.wait("a") == pytest.approx(0.5)
    assert buckets.wait("b") == 0.0
    watch.seconds += 0.5
    assert buckets.wait("a") == pytest.approx(0.0, abs=1e-9)


def test_a_large_request_passes_and_is_waited_for() -> None:
    """No request is too large to ever pass, and none makes the rate higher."""
    watch = Watch()
    buckets = Buckets(10, 5, monotonic=watch)
    buckets.spend("a", 105)
    assert buckets.wait("a") == pytest.approx(10.1)
    watch.seconds += 10.2
    assert buckets.wait("a") == 0.0


def test_tokens_can_be_given_back_but_not_saved_up() -> None:
    """A bucket is never more than full."""
    watch = Watch()
    buckets = Buckets(1, 2, monotonic=watch)
    buckets.spend("a", 2)
    buckets.spend("a", -1)
    assert buckets.wait("a") == 0.0
    for _ in range(100):
        buckets.spend("b", -100)
        buckets.spend("b", 2)
        watch.seconds += 2
    buckets.spend("b", 102)
    assert buckets.wait("b") >= 1.0


def test_a_rate_of_zero_is_no_limit() -> None:
    """Nothing is counted or remembered."""
    buckets = Buckets(0, 0)
    buckets.spend("a", 10**9)
    assert buckets.wait("a") == 0.0
    assert len(buckets) == 0


def test_memory_is_bounded_and_debtors_are_remembered() -> None:
    """A flood of addresses makes the buckets forget those that owe nothing, or least."""
    buckets = Buckets(1, 10, most=100, monotonic=Watch())
    buckets.spend("debtor", 1_000)
    for number in range(10_000):
        buckets.spend(f"a{number}", 1)
        assert len(buckets) <= 100
    assert buckets.wait("debtor") > 900


@given(steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), max_size=60))
def test_the_rate_holds_over_any_time(steps: list[tuple[float, int]]) -> None:
    """What passes never exceeds the burst, the rate times the time, and the last request."""
    watch = Watch()
    buckets = Buckets(5, 10, monotonic=watch)
    passed, last = 0, 0
    for pause, tokens in steps:
        watch.seconds += pause
        if buckets.wait("a") == 0.0:
            buckets.spend("a", tokens)
            passed, last = passed + tokens, tokens
    assert passed <= 10 + 5 * (watch.seconds - 1_000.0) + last + 1e-6


def test_an_address_that_sends_too_much_waits(open_site: Callable[..., Site]) -> None:
    """429 with whole seconds in ``Retry-After``; another address is not concerned, a secret key is not counted."""
    site = open_site(address_rate=0.01, address_burst=3)
    batch = {"events": [page_viewed() for _ in range(3)]}
    for _ in range(3):
        assert site.post(batch, site.secret_key).status_code == 202
    assert site.post(batch).status_code == 202
    refused = site.post(batch)
    assert_problem(refused, 429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert_problem(site.post(batch, site.secret_key), 429, "too_many_requests")
    assert site.post(batch, client="198.51.100.8").status_code == 202


def test_bad_requests_are_counted_too(open_site: Callable[..., Site]) -> None:
    """Guessing keys and sending rubbish cost tokens like anything else."""
    site = open_site(address_rate=0.01, address_burst=2)
    assert [site.post(b"{", "wk_nonsense").status_code for _ in range(3)] == [401, 401, 429]


def test_a_key_that_sends_too_much_waits(open_site: Callable[..., Site]) -> None:
    """It is counted over all addresses; another key is not concerned."""
    site = open_site(key_rate=0.01, key_burst=2)
    other = site.make_key(KeyKind.WRITE)
    answers = [site.post(page_viewed(), client=f"198.51.100.{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert site.post(page_viewed(), other).status_code == 202


@pytest.mark.parametrize(
    ("header", "proxies", "counted"),
    [
        (None, 0, "192.0.2.1"),
        ("203.0.113.9", 0, "192.0.2.1"),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("203.0.113.9", 2, "192.0.2.1"),
        (None, 1, "192.0.2.1"),
    ],
)
def test_forwarded_addresses_count_only_as_far_as_proxies_are_trusted(header: str | None, proxies: int, counted: str) -> None:
    """What a client writes into the header itself never counts."""
    pairs = [(b"x-forwarded-for", header.encode())] if header else []
    assert client_address({"client": ("192.0.2.1", 1), "headers": pairs}, dict(pairs), proxies) == counted


def test_several_headers_are_one_list() -> None:
    """Proxies may add a line of their own."""
    pairs = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")]
    assert client_address({"client": None, "headers": pairs}, dict(pairs), 1) == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("rub:bish", "rub:bish"),
    ],
)
def test_a_whole_ipv6_network_is_one_client(address: str, network: str) -> None:
    """Everybody has 2^64 addresses there."""
    assert network_of(address) == network
