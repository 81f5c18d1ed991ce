"""The one tree of errors; a class's docstring is its message. HTTP status codes live in ``api/problems.py`` only.

LeadEventsError
├── InvalidInput            what was sent cannot be used
│   ├── InvalidJson
│   ├── InvalidInstant
│   ├── InvalidDuration
│   ├── InvalidEvent        one event of a request, with the field named
│   ├── InvalidModel        a model document
│   ├── InvalidLists        a document of lists
│   └── InvalidCursor
│       ├── CursorMismatch
│       └── CursorGone
├── NotAllowed              the key may not do this
├── NotFound
│   └── ErasedLead
├── Conflict
│   └── StaleGeneration     another worker moved the generation first
├── Unavailable             try again later
│   ├── QueueFull
│   └── IncompleteSchema
└── Misconfigured           the operator must act
    ├── OlderSchema
    ├── UnsafeSqlite
    └── MissingMasterKey
"""

from __future__ import annotations


class LeadEventsError(Exception):
    """Something went wrong in lead-events."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.args = args

    def __str__(self) -> str:
        """Return the docstring of the class, filled with the arguments."""
        template = (type(self).__doc__ or "").strip().splitlines()[0]
        return template.format(*self.args) if self.args else template


class InvalidInput(LeadEventsError):
    """{0}"""


class InvalidJson(InvalidInput):
    """The body is not JSON that can be kept: {0}"""


class InvalidInstant(InvalidInput):
    """'{0}' is not an ISO 8601 time with an offset; write it like 2026-11-21T12:00:00Z."""


class InvalidDuration(InvalidInput):
    """'{0}' is not a duration; write a number and one of s, m, h, d, w, such as 30d."""


class InvalidEvent(InvalidInput):
    """{1}"""

    def __init__(self, code: str, message: str, pointer: str = "", errors: tuple[dict[str, str], ...] = ()) -> None:
        """Name what is wrong with one event.

        Args:
            code: machine-readable reason, such as ``missing_identity``.
            message: what to do about it.
            pointer: JSON pointer to the field within the event, such as ``/traits/email``.
            errors: every field that is wrong, as ``{"pointer": …, "detail": …}``.
        """
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.pointer = pointer
        self.errors = errors or (({"pointer": pointer, "detail": message},) if pointer else ())


def wrong_field(pointer: str, detail: str, code: str = "invalid_field") -> InvalidEvent:
    """Make the error for one field of an event.

    Args:
        pointer: JSON pointer to the field; it names the field in the message too.
        detail: what to send instead; never the value that was sent.
        code: machine-readable reason.
    """
    return InvalidEvent(code, f"{pointer}: {detail}", pointer, ({"pointer": pointer, "detail": detail},))


class InvalidModel(InvalidInput):
    """The model document cannot be used: {0}"""


class InvalidLists(InvalidInput):
    """The lists cannot be used: {0}"""


class InvalidCursor(InvalidInput):
    """The cursor cannot be read; start again without one."""


class CursorMismatch(InvalidCursor):
    """The cursor was made for another {0}; repeat the request it came from, or start again without one."""


class CursorGone(InvalidCursor):
    """The list that this cursor belongs to is no longer kept; start again without one."""


class NotAllowed(LeadEventsError):
    """This key may not do that: {0}"""


class NotFound(LeadEventsError):
    """There is no {0} '{1}'."""


class ErasedLead(NotFound):
    """This lead was erased: nothing is left of it, and nothing can be added."""


class Conflict(LeadEventsError):
    """{0}"""


class StaleGeneration(Conflict):
    """Another worker moved generation {0} first; read it again."""


class Unavailable(LeadEventsError):
    """{0}"""


class QueueFull(Unavailable):
    """The server is busy; send the same events again later."""


class IncompleteSchema(Unavailable):
    """The database lacks a table or column of this version; run ./lead-events migrate or restore a backup, and try again."""


class Misconfigured(LeadEventsError):
    """{0}"""


class OlderSchema(Misconfigured):
    """The database has schema {0} and this version needs {1}; run: ./lead-events migrate"""


class UnsafeSqlite(Misconfigured):
    """SQLite {0} can lose committed data (the WAL-reset race); install the pysqlite3 wheel or SQLite 3.51.3 or newer."""


class MissingMasterKey(Misconfigured):
    """There is no master key; set LEAD_EVENTS_MASTER_KEY or LEAD_EVENTS_MASTER_KEY_FILE."""
