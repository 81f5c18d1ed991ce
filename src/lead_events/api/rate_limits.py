"""Token buckets in memory, one number per name (GCRA, ITU-T I.371): when the name's bucket will be full again."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address


class Buckets:
    """Token buckets of one size.

    A name may go while its bucket holds anything; spending may leave it in debt, which it then waits for. So no request
    is too large to ever pass, and the rate holds over time.
    """

    def __init__(
        self, rate: float, burst: float, *, most: int = 100_000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with every bucket full.

        Args:
            rate: tokens per second; 0 means no limit.
            burst: tokens in a full bucket.
            most: names that are remembered; beyond it the fullest buckets are forgotten.
            monotonic: seconds by a clock that never goes back.
        """
        self._token = 1 / rate if rate > 0 else 0.0
        self._reach = burst * self._token
        self._most = most
        self._monotonic = monotonic
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        """Count the names that are remembered."""
        return len(self._full_at)

    def wait(self, name: str) -> float:
        """Return how many seconds a name must wait until it may go; 0.0 when it may go now."""
        full_at = self._full_at.get(name)
        if full_at is None:
            return 0.0
        return max(0.0, full_at - self._monotonic() - self._reach + self._token)

    def spend(self, name: str, tokens: int) -> None:
        """Take tokens from a name's bucket; a negative number gives them back."""
        if not self._token or not tokens:
            return
        now = self._monotonic()
        if len(self._full_at) >= self._most and name not in self._full_at:
            self._forget(now)
        self._full_at[name] = max(self._full_at.get(name, now), now) + tokens * self._token

    def _forget(self, now: float) -> None:
        """Forget the full buckets, which changes nothing, and then the fullest, down to three quarters."""
        empty = sorted((full_at, name) for name, full_at in self._full_at.items() if full_at > now)
        self._full_at = {name: full_at for full_at, name in empty[-(self._most * 3 // 4) :]}


@lru_cache(maxsize=65_536)
def network_of(address: str) -> str:
    """Return what counts as one client: the address, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return address
