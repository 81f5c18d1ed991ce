"""``GET /docs``: the API's reference to read and try, from files of our own environment, so it works without internet.

Strict Content-Security-Policy: no inline script, nothing from anywhere else.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from lead_events.domain.errors import NotFound

router = APIRouter(include_in_schema=False)

_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lead-events API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""


@router.api_route("/", methods=["GET", "HEAD"])
async def lead_to_docs() -> Response:
    """Lead a newcomer to the reference."""
    return RedirectResponse("docs", 307)


@router.get("/docs")
async def read_docs() -> Response:
    """Give the page."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/docs/start.js")
async def read_start() -> Response:
    """Give the script that starts Swagger UI; a file of its own, because inline scripts are forbidden."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


@router.get("/docs/{name}")
async def read_file(name: str) -> Response:
    """Give one of the files of Swagger UI.

    Raises:
        NotFound: the page needs no such file.
    """
    if name not in _FILES:
        raise NotFound("page", name)
    return FileResponse(_folder() / name, media_type=_FILES[name], headers={**_HEADERS, "cache-control": "max-age=86400"})


def _folder() -> Path:
    """Return where the package that carries Swagger UI keeps it; nothing else of that package is used."""
    package = find_spec("fastapi_offline")
    places = package.submodule_search_locations if package else None
    if not places:
        raise NotFound("package", "fastapi_offline")
    return Path(places[0]) / "static"
