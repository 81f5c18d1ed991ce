"""An application on a socket of its own, for tests that ask what happens when a client hangs up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from lead_events import serving
from lead_events.api.slow_clients import ImpatientProtocol


@contextmanager
def listening(served: Any) -> Iterator[str]:
    """Serve an application on a socket of its own, as the service does, for the length of a block."""
    listener = serving.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(served, http=ImpatientProtocol, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
