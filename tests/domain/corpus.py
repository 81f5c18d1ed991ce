# mypy: disable-error-code="var-annotated"
"""Hostile bodies, one event each, with the code they must be answered with on every database.

``CORPUS`` is a list of (name, body, code): the code of the error, ``invalid_json`` for what is refused before it is an
event, or ``ok``. All are judged as sent with a write key, phone region RU. Reused over HTTP.
"""

from __future__ import annotations

import json
from typing import Any

Case = tuple[str, bytes, str]


def encode(**fields: Any) -> bytes:
    """Write a small valid page view, with fields replaced or added."""
    event = {"type": "page.viewed", "anonymous_id": "a1", **fields}
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def with_value(raw: str) -> bytes:
    """Write a page view with one property whose value is given as raw JSON text."""
    return b'{"type":"page.viewed","anonymous_id":"a1","properties":{"x":' + raw.encode() + b"}}"


def with_raw(raw: bytes) -> bytes:
    """Write a page view with one property whose value is given as raw bytes within quotes."""
    return b'{"type":"page.viewed","anonymous_id":"a1","properties":{"x":"' + raw + b'"}}'


def nested(levels: int, opening: str = '{"k":', closing: str = "}") -> bytes:
    """Write a page view whose whole nesting is so many levels deep (2 are the event and its properties)."""
    return with_value(opening * (levels - 2) + "1" + closing * (levels - 2))


def keys(count: int) -> dict[str, int]:
    """Give so many properties."""
    return {f"k{number}": number for number in range(count)}


NUMBERS: list[Case] = [
    (f"number {raw[:24]} ({len(raw)} characters)", with_value(raw), code)
    for code, texts in {
        "invalid_json": (
            "NaN", "Infinity", "-Infinity", "nan", "1e400", "-1e400", "1e999999999", "9223372036854775808",
            "-9223372036854775809", "18446744073709551616", "9" * 5000, "-" + "9" * 5000, "0." + "1" * 5000,
            "01", "+1", ".5", "1.", "0x10", "1_000", "--1", "1e", "١",
        ),
        "ok": (
            "9223372036854775807", "-9223372036854775808", "9007199254740993", "9007199254740991", "-0.0", "-0",
            "1e308", "5e-324", "1e-400", "0.1", "1E+2",
        ),
    }.items()
    for raw in texts
]  # fmt: skip

TEXTS: list[Case] = [
    ("lone high surrogate", with_raw(rb"\ud800"), "invalid_json"),
    ("lone low surrogate", with_raw(rb"\udc00"), "invalid_json"),
    ("surrogates in the wrong order", with_raw(rb"\udc00\ud800"), "invalid_json"),
    ("lone surrogate in capitals", with_raw(rb"\uD800"), "invalid_json"),
    ("lone surrogate in a key", with_value(r'{"\ud800": 1}'), "invalid_json"),
    ("lone surrogate in an ignored field", b'{"type":"page.viewed","anonymous_id":"a","z":"\\ud800"}', "invalid_json"),
    ("lone surrogate in the identifier", b'{"type":"page.viewed","anonymous_id":"\\ud800"}', "invalid_json"),
    ("lone surrogate in a list", with_value(r'["a", "\udfff"]'), "invalid_json"),
    ("escaped pair of surrogates", with_raw(rb"\ud83d\ude00"), "ok"),
    ("emoji", with_raw("😀".encode()), "ok"),
    ("text that only looks like an escape", with_raw(rb"\\ud800 and \\u0000"), "ok"),
    ("NUL in a value", with_raw(rb"a\u0000b"), "invalid_json"),
    ("NUL in a key", with_value(r'{"a\u0000": 1}'), "invalid_json"),
    ("NUL in the identifier", b'{"type":"page.viewed","anonymous_id":"a\\u0000"}', "invalid_json"),
    ("raw NUL", with_raw(b"\0"), "invalid_json"),
    ("raw control character", with_raw(b"\x01"), "invalid_json"),
    ("raw line break in a text", with_raw(b"a\nb"), "invalid_json"),
    ("escaped control characters", with_raw(rb"\u0001\u001f\u007f"), "ok"),
    ("DEL and C1 controls", with_raw("\x7f\x80\x9f".encode()), "ok"),
    ("bad escape", with_raw(rb"\x41"), "invalid_json"),
    ("short escape", with_raw(rb"\u12"), "invalid_json"),
    ("noncharacters", with_raw("\ufffe\uffff".encode()), "ok"),
    ("replacement character", with_raw("\ufffd".encode()), "ok"),
    ("right-to-left marks", with_raw("\u202eexe.fdp\u200f".encode()), "ok"),
    ("zero-width characters", with_raw("a\u200b\u200d\ufeffb".encode()), "ok"),
    ("storm of combining marks", with_raw(("a" + "\u0301" * 500).encode()), "ok"),
    ("NFC", with_raw("é".encode()), "ok"),
    ("NFD", with_raw("e\u0301".encode()), "ok"),
    ("line and paragraph separators", with_raw("\u2028\u2029".encode()), "ok"),
    ("10 000 characters", with_raw(b"x" * 10_000), "ok"),
    ("CRLF injection", with_raw(rb"a\r\nSet-Cookie: x"), "ok"),
    ("SQL in a text", with_raw(b"'); DROP TABLE events; --"), "ok"),
    ("format string", with_raw(b"%s%n{0}{}"), "ok"),
    ("formula", with_raw(b"=HYPERLINK(1)"), "ok"),
]

ENCODINGS: list[Case] = [
    ("empty body", b"", "invalid_json"),
    ("only spaces", b"   ", "invalid_json"),
    ("byte order mark", b"\xef\xbb\xbf" + encode(), "invalid_json"),
    ("UTF-16 with mark", encode().decode().encode("utf-16"), "invalid_json"),
    ("UTF-16 little", encode().decode().encode("utf-16-le"), "invalid_json"),
    ("UTF-16 big", encode().decode().encode("utf-16-be"), "invalid_json"),
    ("UTF-32", encode().decode().encode("utf-32"), "invalid_json"),
    ("bad UTF-8", with_raw(b"\xff"), "invalid_json"),
    ("cut UTF-8", with_raw(b"\xe2\x82"), "invalid_json"),
    ("overlong UTF-8", with_raw(b"\xc0\xaf"), "invalid_json"),
    ("surrogate in UTF-8", with_raw(b"\xed\xa0\x80"), "invalid_json"),
    ("above U+10FFFF", with_raw(b"\xf4\x90\x80\x80"), "invalid_json"),
    ("Latin-1", with_raw("é".encode("latin-1")), "invalid_json"),
    ("Windows-1251", with_raw("цена".encode("cp1251")), "invalid_json"),
    ("gzip", b"\x1f\x8b\x08\x00\x00", "invalid_json"),
]

SYNTAX: list[Case] = [
    ("half an event", encode()[:-5], "invalid_json"),
    ("two events", encode() + encode(), "invalid_json"),
    ("comma at the end", b'{"type":"page.viewed","anonymous_id":"a",}', "invalid_json"),
    ("single quotes", b"{'type':'page.viewed'}", "invalid_json"),
    ("comment", b'{"type":"page.viewed"/* hi */}', "invalid_json"),
    ("unquoted key", b"{type:1}", "invalid_json"),
    ("unfinished text", b'{"type":"', "invalid_json"),
    ("form encoding", b"type=page.viewed&anonymous_id=a", "invalid_json"),
    ("duplicate key", b'{"type":"page.viewed","anonymous_id":"a","anonymous_id":"b"}', "invalid_json"),
    ("duplicate key inside", with_value('{"a":1,"a":1}'), "invalid_json"),
    ("duplicate key by escape", with_value(r'{"a":1,"\u0061":2}'), "invalid_json"),
    ("keys twice in two objects", with_value('[{"a":1},{"a":1}]'), "ok"),
    ("spaces around", b" \r\n\t" + encode() + b"\n", "ok"),
    ("empty key", with_value('{"":1}'), "ok"),
    ("20 levels", nested(20), "ok"),
    ("21 levels", nested(21), "invalid_json"),
    ("21 levels of arrays", nested(21, "[", "]"), "invalid_json"),
    ("900 levels", nested(900), "invalid_json"),
    ("10 000 levels", nested(10_000), "invalid_json"),
    ("100 000 levels", nested(100_000, "[", "]"), "invalid_json"),
    ("100 000 open arrays", b"[" * 100_000, "invalid_json"),
    ("brackets in a text", with_raw(b"[" * 100 + b"{" * 100), "ok"),
    ("brackets after an escaped quote", with_raw(rb"\"" + b"[" * 100), "ok"),
    ("escaped quotes without end", b'{"' + rb"\"" * 10_000 + b"[" * 30, "invalid_json"),
]

SHAPES: list[Case] = [
    ("null", b"null", "invalid_event"),
    ("true", b"true", "invalid_event"),
    ("number", b"1", "invalid_event"),
    ("text", b'"page.viewed"', "invalid_event"),
    ("array", b"[]", "invalid_event"),
    ("array of an event", b"[" + encode() + b"]", "invalid_event"),
    ("empty object", b"{}", "invalid_type"),
    *[(f"type {value!r}"[:60], encode(type=value), "invalid_type") for value in (
        None, "", 1, True, [], {}, ["page.viewed"], "page", "page.", ".viewed", "Page.Viewed", "page viewed",
        "page.viewed.twice", "pаge.viewed", "page.viewed\n", "page.viewed ", "1page.viewed", "a." + "b" * 63,
        "$pageview", "../x.y",
    )],
    *[(f"event_id {value!r}"[:60], encode(event_id=value), "invalid_event_id") for value in (
        1, True, [], {}, "a b", "ä", "x" * 129, "a/b", "a\n",
    )],
    *[(f"no event_id {value!r}", encode(event_id=value), "ok") for value in (None, "")],
    ("longest event_id", encode(event_id="x" * 128), "ok"),
    *[(f"occurred_at {value!r}", encode(occurred_at=value), "invalid_time") for value in (
        0, 1795262400, True, [], {}, "yesterday", "2026-11-21", "2026-11-21T12:00:00", "2026-13-01T00:00:00Z",
        "1999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "99999-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "1795262400000",
    )],
    *[(f"sent_at {value!r}", encode(sent_at=value), "invalid_time") for value in (0, False, [], "now")],
    ("future time", encode(occurred_at="9999-12-31T23:59:59Z"), "ok"),
    ("future sent_at", encode(occurred_at="2026-01-01T00:00:00Z", sent_at="9999-01-01T00:00:00Z"), "ok"),
    ("ancient sent_at", encode(occurred_at="2026-01-01T00:00:00Z", sent_at="0001-01-01T00:00:00Z"), "ok"),
    *[(f"{name} {value!r}", encode(**{name: value}), "invalid_field")
      for name in ("properties", "traits", "context") for value in (1, True, [], "x", [{}])],
    *[(f"context.{name} {value!r}", encode(context={name: value}), "invalid_field")
      for name in ("page", "campaign") for value in (1, True, [], "x")],
    *[(f"context.page.url {value!r}"[:60], encode(context={"page": {"url": value}}), "invalid_field")
      for value in (True, [], {}, "x" * 8_193)],
    ("context of nulls", encode(context={"page": None, "campaign": {}, "locale": "", "ip": None}), "ok"),
    ("parts of null", encode(properties=None, traits=None, context=""), "ok"),
    ("unknown fields", encode(integrations={"All": True}, write_key="wk_secret", channel="web", _metadata={}), "ok"),
]  # fmt: skip

IDENTITY: list[Case] = [
    ("nobody", b'{"type":"page.viewed"}', "missing_identity"),
    ("nobody by null and empty", b'{"type":"page.viewed","anonymous_id":null,"user_id":""}', "missing_identity"),
    ("nobody by empty traits", b'{"type":"page.viewed","traits":{"email":"","phone":null}}', "missing_identity"),
    *[(f"anonymous_id {value!r}"[:60], encode(anonymous_id=value), "invalid_field")
      for value in (True, [], ["a", "b"], {}, "x" * 257)],
    *[(f"user_id {value!r}"[:60], encode(user_id=value), "invalid_field") for value in (False, ["a"], {}, "x" * 257)],
    *[(f"user_id number {value!r}", encode(user_id=value), "ok") for value in (0, 42, -1, 1.5, 2**53 + 1)],
    *[(f"email {value!r}"[:60], encode(traits={"email": value}), "invalid_field") for value in (
        1, True, {}, ["a@b.example", "c@d.example"], "anna", "anna@", "@firm.example", "a@b@c.example",
        "anna@firm..example", "anna@-firm.example", "a b@firm.example",
        "a@" + "x" * 64 + ".example", "long" * 2_500, "anna@firm.example\r\nBcc: x@y.example", "Anna <a@firm.example>",
        "anna@firm.example,b@firm.example", "anna@[127.0.0.1]", "\u202eanna@firm.example", "mailto:anna@@x.example",
    )],
    *[(f"email {value!r}"[:60], encode(traits={"email": value}), "ok") for value in (
        "Anna@Firm.Example", " anna@firm.example ", "anna+tag@firm.example", "аnna@firm.example", "anna@firm.test",
        "jos\u00e9@firm.example", "jose\u0301@firm.example", "anna@почта.рф", "o'neil@firm.example",
        "x" * 65 + "@firm.example",
    )],
    *[(f"phone {value!r}"[:60], encode(traits={"phone": value}), "invalid_field") for value in (
        True, [], ["+74951234567", "+74951234568"], {}, "phone", "1", "+", "+0000000000", "+7" + "9" * 30, "9" * 10_000,
        1.5, "+999123456789",
    )],
    *[(f"phone {value!r}", encode(traits={"phone": value}), "ok") for value in (
        "+7 (495) 123-45-67", "8 495 123-45-67", "84951234567", 84951234567, "+44 20 7946 0958", "tel:+74951234567",
    )],
    *[(f"{name} {value!r} with a write key", encode(**{name: value}), "not_allowed_for_write_key") for name, value in (
        ("lead_id", "ld_1"), ("crm_ids", {"hubspot": "1"}), ("author", "boris"), ("lead_id", 1), ("crm_ids", []),
    )],
    *[(f"type {name} with a write key", encode(type=name), "not_allowed_for_write_key") for name in (
        "deal.won", "lead.accepted", "lead.traits_set", "call.logged", "meeting.booked", "email.sent", "touch.recorded",
        "spend.recorded", "opportunity.opened", "lead.anything", "deal.signed",
    )],
    *[(f"type {name}", encode(type=name), "not_allowed")
      for name in ("lead.merged", "lead.unmerged", "lead.erased", "generation.promoted")],
]  # fmt: skip

SIZES: list[Case] = [
    ("200 properties", encode(properties=keys(200)), "ok"),
    ("201 properties", encode(properties=keys(201)), "too_large"),
    ("201 properties in two levels", encode(properties={"a": keys(100), "b": [keys(100)]}), "too_large"),
    ("201 in three parts", encode(properties=keys(100), traits=keys(100), context={"z": 1}), "too_large"),
    ("200 colons in texts", encode(properties={"x": '":' * 300}), "ok"),
    ("33 KB event", encode(properties={"x": "x" * 33 * 1024}), "too_large"),
    ("33 KB in an ignored field", encode(junk="x" * 33 * 1024), "ok"),
    ("33 KB of escapes", encode(properties={"x": "\x01" * 6_000}), "too_large"),
    ("key of 10 000 characters", encode(properties={"k" * 10_000: 1}), "ok"),
    ("trait of 1 001 characters", encode(traits={"city": "x" * 1_001}), "invalid_field"),
    ("custom trait of 1 001 characters", encode(traits={"z": "x" * 1_001}), "invalid_field"),
    ("custom trait that is an object", encode(traits={"z": {"a": 1}}), "invalid_field"),
    ("custom trait of 51 values", encode(traits={"z": [1] * 51}), "invalid_field"),
    ("turnover in words", encode(traits={"annual_turnover": "much"}), "invalid_field"),
    ("turnover of NaN as text", encode(traits={"annual_turnover": "NaN"}), "invalid_field"),
    ("turnover of 1e400 as text", encode(traits={"annual_turnover": "1e400"}), "invalid_field"),
    ("scroll depth of 101", encode(type="page.scrolled", properties={"depth": 101}), "invalid_field"),
    ("scroll depth as NaN text", encode(type="page.scrolled", properties={"depth": "NaN"}), "invalid_field"),
    ("count beyond 2^53", encode(type="search.performed", properties={"query": "x", "results": 2**60}),
     "invalid_field"),
    ("form without form_id", encode(type="form.submitted"), "invalid_field"),
    ("form_id of null", encode(type="form.submitted", properties={"form_id": None}), "invalid_field"),
    ("form fields as a list", encode(type="form.submitted", properties={"form_id": "f", "fields": []}),
     "invalid_field"),
    ("amount in Arabic digits", encode(type="order.placed", properties={"order_id": "1", "amount": "١٢"}),
     "invalid_field"),
    ("amount with line end", encode(type="order.placed", properties={"order_id": "1", "amount": "12\n"}),
     "invalid_field"),
    ("amount below zero", encode(type="order.placed", properties={"order_id": "1", "amount": "-1"}), "invalid_field"),
    ("amount of 1e9", encode(type="order.placed", properties={"order_id": "1", "amount": "1e9"}), "invalid_field"),
    ("currency of two letters", encode(type="order.placed", properties={"order_id": "1", "currency": "EU"}),
     "invalid_field"),
]  # fmt: skip

KEYS: list[Case] = [
    (f"property {name!r}"[:60], encode(properties={name: 1}), "ok")
    for name in (
        "__proto__", "constructor", "prototype", "__class__", "__dict__", "model_fields", "model_config", "self",
        "__pydantic_extra__", "$where", "a.b", "a/b~c", "toString", " ", "ключ", "\u202e", "0", "'; --",
    )
] + [
    ("trait __proto__", encode(traits={"__proto__": "x", "__class__": "y"}), "ok"),
    ("context __proto__", encode(context={"__proto__": {"admin": True}, "page": {"__proto__": 1}}), "ok"),
    ("envelope __proto__", encode(__proto__={"trusted": True}, trusted=True, position=1, at=0), "ok"),
    ("javascript link", encode(context={"page": {"url": "javascript:alert(1)"}}), "ok"),
    ("link with credentials", encode(context={"page": {"url": "https://anna:pw@firm.example/?x=1"}}), "ok"),
    ("link that is no link", encode(context={"page": {"url": "http://[::1", "referrer": "$direct"}}), "ok"),
]  # fmt: skip

CORPUS: list[Case] = [*NUMBERS, *TEXTS, *ENCODINGS, *SYNTAX, *SHAPES, *IDENTITY, *SIZES, *KEYS]
