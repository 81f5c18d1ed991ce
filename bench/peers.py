"""What the door is measured against: an endpoint that validates and stores nothing, and a bare ASGI application.

Both on the uvicorn, the loop and the parser of the service. Run as ``python -m bench.peers NAME``.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from lead_events import serving


class Event(BaseModel):
    """One event, about as the door's clients write it."""

    event_id: str
    type: str
    anonymous_id: str | None = None
    user_id: str | None = None
    occurred_at: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}


def stores_nothing() -> FastAPI:
    """Return a FastAPI application whose endpoint validates an event with Pydantic and forgets it."""
    api = FastAPI()

    @api.post("/v1/events", status_code=202)
    async def accept(event: Event) -> dict[str, str]:
        return {"event_id": event.event_id, "status": "created"}

    return api


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body and give a constant answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def main(name: str) -> None:
    """Serve one of them on a free port."""
    app: Any = stores_nothing() if name == "fastapi" else bare
    listener = serving.listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", loop="auto", access_log=False, log_level="warning", backlog=2048
    )
    print(f"{name} serves http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
