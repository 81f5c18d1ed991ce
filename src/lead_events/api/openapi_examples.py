"""A body for every operation that takes one: what the reference page fills in, and what works when it is pasted.

Without them the page makes bodies up of every field at once, which nearly every route refuses.
"""

from __future__ import annotations

from typing import Any

_MODEL = {
    "name": "first",
    "scores": {
        "behaviour": {
            "half_life": "30d",
            "rules": [{"id": "form", "when": {"type": "form.submitted"}, "points": 15, "limit": {"times": 2, "per": "day"}}],
        }
    },
    "definitions": {"ready": {"all": [{"contact": "present"}, {"scores.behaviour": {"at_least": 10}}]}},
    "temperature": {"hot": "ready"},
    "stages": {
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}], "final": True},
    },
}
_MODEL_TEXT = """\
name: first
scores:
  behaviour:
    half_life: 30d
    rules:
      - {id: form, when: {type: form.submitted}, points: 15, limit: {times: 2, per: day}}
definitions:
  ready: {all: [{contact: present}, {scores.behaviour: {at_least: 10}}]}
temperature: {hot: ready}
stages:
  lead: {entry: [{from: [visitor], when: {contact: present}}], final: true}
"""
_LISTS = {"free": {"add": ["provincial-mail.example"]}, "disposable": {"add": ["one-hour-mail.example"]}}
_LISTS_TEXT = "free: {add: [provincial-mail.example]}\ndisposable: {add: [one-hour-mail.example]}\n"
_OTHER = "ld_000000002941k7fh"

JSON_BODIES: dict[str, Any] = {
    "look_up_leads": {"identifiers": [{"email": "anna@firm.example"}, {"crm_id": {"hubspot": "501"}}]},
    "patch_lead": {"traits": {"job_title": "Director", "city": None}, "author": "zoe"},
    "write_consent": {"purpose": "contact", "channel": "email", "state": "withdrawn", "method": "phone", "author": "zoe"},
    "act_on_research": {"action": "take", "author": "zoe"},
    "override_lead": {"score": "behaviour", "value": 80, "reason": "met at the fair", "author": "vera"},
    "withdraw_override": {"score": "behaviour", "author": "vera"},
    "merge_lead": {"into": _OTHER, "author": "zoe"},
    "unmerge_lead": {"into": _OTHER, "author": "zoe"},
    "erase_lead": {"author": "dpo@firm.example", "reason": "asked"},
    "backtest_models": {"model": [1], "outcome": "deal.won", "horizon": "180d"},
    "publish_model": {"document": _MODEL, "author": "Anna", "note": "what we agreed on"},
    "publish_lists": {"document": _LISTS, "author": "Anna", "note": "two providers of our region"},
    "approve_model": {"name": "anna", "note": "as we said on Monday"},
    "preview_model": _MODEL,
    "begin_generation": {"model": 1},
    "roll_back": {"announce": "none"},
    "promote_generation": {"announce": "changed-stage"},
}
"""Operation → its body as JSON."""

YAML_BODIES = {"publish_model": _MODEL_TEXT, "preview_model": _MODEL_TEXT, "publish_lists": _LISTS_TEXT}
"""Operation → its body as YAML, where it takes that too."""


def add_examples(operation: dict[str, Any]) -> None:
    """Put the examples of an operation beside the schemas of its body."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind, bodies in (("application/json", JSON_BODIES), ("application/yaml", YAML_BODIES)):
        if kind in content and operation["operationId"] in bodies:
            content[kind]["example"] = bodies[operation["operationId"]]
