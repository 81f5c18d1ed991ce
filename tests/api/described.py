"""Whether answers that are written without Pydantic look as their schemas say, to the last field and its place."""

from __future__ import annotations

import re

import httpx
import orjson
from pydantic import BaseModel

from lead_events.api import near_misses, schemas, schemas_explained

_SHAPES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("GET", "/v1/leads", schemas.LeadList),
    ("GET", "/v1/leads/near-misses", near_misses.NearMisses),
    ("GET", "/v1/leads/lookup", schemas.LookupAnswer),
    ("POST", "/v1/leads/lookup", schemas.LookupAnswer),
    ("GET", "/v1/leads/ld_[^/]+", schemas.LeadAnswer),
    ("GET", "/v1/leads/ld_[^/]+/score", schemas_explained.ExplanationAnswer),
)


class NotAsDescribed(AssertionError):
    """An answer is not what its schema describes."""


def check(answer: httpx.Response) -> None:
    """Refuse an answer unless its schema takes it without changing a type, and Pydantic would have written the same.

    Raises:
        NotAsDescribed: it does not.
    """
    shape = _find_shape(answer)
    if shape is None:
        return
    read = shape.model_validate_json(answer.content, strict=True)
    # As bytes, so that the order of fields counts and 1 is not 1.0.
    expected, found = (orjson.dumps(orjson.loads(each)) for each in (read.model_dump_json(by_alias=True), answer.content))
    if expected != found:
        raise NotAsDescribed(shape.__name__, expected, found)


def _find_shape(answer: httpx.Response) -> type[BaseModel] | None:
    request = answer.request
    if answer.status_code != 200:
        return None
    return next((m for method, path, m in _SHAPES if request.method == method and re.fullmatch(path, request.url.path)), None)
