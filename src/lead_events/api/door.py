"""The door: ``POST /v1/events`` as a bare ASGI application, because most requests of the service are this one.

It stands in front of the framework (``mount``): no router, no middleware, no model of the framework is paid per event.
What an event may be is decided in ``domain/wire``, what is kept in ``store``; here are only HTTP, keys and limits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from lead_events import clock
from lead_events.api import cors
from lead_events.api.auth import authenticate, read_key
from lead_events.api.body import WHOLE, check_headers, read_body, unpack
from lead_events.api.problems import ClientGone, MissingScope, TooLarge, TooManyRequests, Unauthorized, WrongMethod
from lead_events.api.rate_limits import Buckets, network_of
from lead_events.api.receipts import Answer, Dropped, Receipt, answer, refuse, sendable_id
from lead_events.domain.consent import stamp
from lead_events.domain.errors import InvalidEvent, LeadEventsError, wrong_field
from lead_events.domain.signals import PrivacySignals, honour
from lead_events.domain.strict_json import MAX_DEPTH, parse
from lead_events.domain.times import Instant
from lead_events.domain.wire import admit
from lead_events.store.api_keys import Key, KeyRing, Scope
from lead_events.store.envelope import Arrival
from lead_events.store.writer import Writer

PATHS = frozenset({"/v1/events", "/v1/events/"})
"""Both spellings are served; a redirect would lose bodies."""
NO_ANSWER = 499
"""The client went away; the number that nginx made customary."""

Noted = Callable[[str, int, float], None]
"""Is told of every answer: method, status, and seconds from the request's head to the end of the answer."""

_METHODS = "POST, OPTIONS"
_BATCH_LEVELS = 2
_AT_ONCE = 50
_NO_BROWSER_GUESSING = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How much may come through the door.

    Attributes:
        request_bytes: of one request, unpacked.
        request_events: of one request.
        body_seconds: from the end of a request's headers to the end of its body.
        address_rate: events per second from one address with write keys; 0 means no limit.
        address_burst: events that an address may send at once.
        key_rate: events per second with one key; 0 means no limit.
        key_burst: events that may be sent at once with one key.
        trusted_proxies: how many proxies of the operator's stand in front and append to ``X-Forwarded-For``.
    """

    request_bytes: int = 512 * 1024
    request_events: int = 500
    body_seconds: float = 9.0
    address_rate: float = 1_000
    address_burst: float = 5_000
    key_rate: float = 10_000
    key_burst: float = 50_000
    trusted_proxies: int = 0


class Door:
    """Serves ``POST`` and ``OPTIONS`` on ``PATHS``."""

    def __init__(
        self,
        writer: Writer,
        keys: KeyRing,
        *,
        limits: DoorLimits | None = None,
        phone_region: str | None = None,
        privacy_signals: PrivacySignals = PrivacySignals.ANONYMOUS,
        noted: Noted | None = None,
    ) -> None:
        """Connect the door to what stands behind it.

        Args:
            writer: keeps events; started and drained by the caller.
            keys: finds keys by their text.
            limits: how much may come through.
            phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
            privacy_signals: what to do with behaviour that comes with ``Sec-GPC`` or ``DNT``.
            noted: is told of every answer.
        """
        self._writer = writer
        self._keys = keys
        self._limits = limits or DoorLimits()
        self._phone_region = phone_region
        self._privacy_signals = privacy_signals
        self._noted = noted
        self._addresses = Buckets(self._limits.address_rate, self._limits.address_burst)
        self._key_buckets = Buckets(self._limits.key_rate, self._limits.key_burst)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a problem that a page of any origin can read."""
        since, status = time.perf_counter(), NO_ANSWER
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            found = await self._answer(scope, headers, receive)
            status = found.status
            await _send(found, cors.headers_for(headers.get(b"origin")), send)
        except ClientGone:
            return
        finally:
            if self._noted is not None:
                self._noted(scope["method"], status, time.perf_counter() - since)

    async def _answer(self, scope: AsgiScope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        try:
            if scope["method"] == "POST":
                return await self._accept(scope, headers, receive)
            if scope["method"] == "OPTIONS":
                return Answer(204, cors.preflight(headers), b"", b"")
            return refuse(WrongMethod(_METHODS))
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: nothing unforeseen may reach the client or the server's log
            return refuse(error)

    async def _accept(self, scope: AsgiScope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """Take a request from its headers to its answer; keys in headers are judged before the body is read."""
        address = self._enter(scope, headers)
        packed = check_headers(headers, self._limits.request_bytes)
        given = read_key(headers)
        if given is None:
            given = _key_in_query(scope.get("query_string", b""))
        key = await self._identify(given, headers) if given is not None else None
        limits, whole = self._limits, WHOLE in scope
        body = await read_body(receive, limit=limits.request_bytes, seconds=limits.body_seconds, whole=whole)
        arrival = clock.now()
        if packed:
            body = unpack(body, self._limits.request_bytes)
        sent = parse(body, max_depth=MAX_DEPTH + _BATCH_LEVELS if b'"events"' in body else MAX_DEPTH)
        in_body = _key_in_body(sent)
        if key is None:
            key = await self._identify(in_body, headers)
        batch = isinstance(sent, dict) and "events" in sent
        events = self._events_in(sent) if batch else [sent]
        self._charge(address, key, len(events))
        return await self._keep(events, key, arrival, headers, batch=batch)

    def _enter(self, scope: AsgiScope, headers: Mapping[bytes, bytes]) -> str:
        """Let an address in that has tokens left; every request costs one, good or bad."""
        address = client_address(scope, headers, self._limits.trusted_proxies)
        wait = self._addresses.wait(address)
        if wait > 0:
            raise TooManyRequests(ceil(wait))
        self._addresses.spend(address, 1)
        return address

    async def _identify(self, text: str | None, headers: Mapping[bytes, bytes]) -> Key:
        key = await authenticate(self._keys, text)
        if not key.allows(Scope.TRACK):
            raise MissingScope(Scope.TRACK.value)
        cors.check_origin(key, headers.get(b"origin"))
        return key

    def _events_in(self, sent: Mapping[str, Any]) -> list[object]:
        events = sent["events"]
        if not isinstance(events, list) or not events:
            raise wrong_field("/events", "send a list of at least one event.", "invalid_batch")
        most = self._limits.request_events
        if len(events) > most:
            raise TooLarge(f"A request has at most {most} events; send them in several.")
        return events

    def _charge(self, address: str, key: Key, events: int) -> None:
        """Take the tokens of a request: from its key, and from its address unless a secret key vouches for it."""
        self._addresses.spend(address, -1 if key.is_secret else events - 1)
        wait = self._key_buckets.wait(key.key_id)
        if wait > 0:
            raise TooManyRequests(ceil(wait))
        self._key_buckets.spend(key.key_id, events)

    async def _keep(
        self, events: list[object], key: Key, arrival: Instant, headers: Mapping[bytes, bytes], *, batch: bool
    ) -> Answer:
        """Judge each event, write the good ones, and answer when they are durable."""
        judged: list[Arrival | LeadEventsError | Dropped] = []
        for start in range(0, len(events), _AT_ONCE):
            if start:  # others are served meanwhile: a full batch takes tens of milliseconds
                await asyncio.sleep(0)
            judged += [self._judge(event, key, arrival, headers) for event in events[start : start + _AT_ONCE]]
        good = [each for each in judged if isinstance(each, Arrival)]
        kept = iter(await self._writer.submit_soon(good)) if good else iter(())
        receipts = [
            Receipt(each.event.event_id, next(kept)) if isinstance(each, Arrival) else Receipt(sendable_id(event), each)
            for event, each in zip(events, judged, strict=True)
        ]
        return answer(receipts, batch=batch)

    def _judge(
        self, event: object, key: Key, arrival: Instant, headers: Mapping[bytes, bytes]
    ) -> Arrival | LeadEventsError | Dropped:
        user_agent = headers.get(b"user-agent")
        try:
            admitted = admit(
                event,
                arrival=arrival,
                trusted=key.is_secret,
                phone_region=self._phone_region,
                new_event_id=clock.new_event_id,
                user_agent=user_agent.decode("latin-1") if user_agent else None,
            )
        except InvalidEvent as error:
            return error
        gpc = headers.get(b"sec-gpc") == b"1"
        if gpc or headers.get(b"dnt") == b"1":
            kept = honour(admitted, self._privacy_signals, gpc=gpc, trusted=key.is_secret)
            if kept is None:
                return Dropped("privacy_signal")
            admitted = kept
        return Arrival(key.source_id, stamp(admitted, opt_in=key.opt_in), arrival)


def mount(door: Door, app: ASGIApp) -> ASGIApp:
    """Put the door in front of an application, which gets every request that is not for it.

    The application's lifespan runs as before. Run the result under ``ImpatientProtocol``.
    """

    async def front(scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in PATHS:
            await door(scope, receive, send)
        else:
            await app(scope, receive, send)

    return front


def client_address(scope: AsgiScope, headers: Mapping[bytes, bytes], trusted_proxies: int) -> str:
    """Return the address that a client's tokens are counted under.

    Args:
        trusted_proxies: how many entries at the end of ``X-Forwarded-For`` were written by the operator's own proxies;
            with 0, or fewer entries than that, the header proves nothing and the connection's address counts.
    """
    client = scope.get("client")
    address: str = client[0] if client else ""
    if trusted_proxies > 0 and b"x-forwarded-for" in headers:
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(lines).decode("latin-1").split(",")
        if len(hops) >= trusted_proxies:
            address = hops[-trusted_proxies].strip()[:64]
    return network_of(address)


def _key_in_query(query: bytes) -> str | None:
    """Read a write key from the query, for pages that can set neither headers nor a body of ours."""
    if b"write_key=" not in query and b"sk_" not in query:
        return None
    if b"sk_" in query:
        raise Unauthorized("secret_key_in_query", "A secret key was in the address, which is logged everywhere: revoke it.")
    found = parse_qs(query.decode("latin-1")).get("write_key")
    return found[0] if found else None


def _key_in_body(sent: object) -> str | None:
    """Read a write key from the body, for beacons; a secret key there is refused whatever the headers say."""
    text = sent.get("write_key") if isinstance(sent, dict) else None
    if not isinstance(text, str) or not text:
        return None
    if text.startswith("sk_"):
        raise Unauthorized("secret_key_in_body", "Send a secret key in the Authorization header only.")
    return text


async def _send(found: Answer, extra: cors.Headers, send: Send) -> None:
    headers = [*found.headers, *extra, _NO_BROWSER_GUESSING]
    if found.media:
        headers += [(b"content-type", found.media), (b"content-length", b"%d" % len(found.content))]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.content})
