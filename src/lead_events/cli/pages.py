"""The generated pages of the reference, each made from the code it describes. One sentence per line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import click
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from lead_events.api.metrics import Metrics
from lead_events.api.problems import code_of, status_of
from lead_events.domain.errors import LeadEventsError
from lead_events.domain.event_types import TYPES
from lead_events.domain.event_types.registry import json_schema
from lead_events.settings import Settings, variable

_MADE = "<!-- Made by ./lead-events docs from the code; change it there. -->\n"
_MASK = "********"
_NOT_SAID = 500
"""What is answered with this status is not named to the client, but in the log."""
_CLIENT_MODULES = ("lead_events.domain", "lead_events.store", "lead_events.projections", "lead_events.api")


def render_all(commands: click.Group, description: dict[str, Any]) -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "settings.md": render_settings(),
        "cli.md": render_commands(commands),
        "metrics.md": render_metrics(),
        "events.md": render_events(),
        "errors.md": render_errors(),
        "api.md": render_api(description),
    }


def current_settings(found: Settings) -> list[tuple[str, str, str]]:
    """Return (variable, value, meaning) of every setting, with secrets masked."""
    fields = Settings.model_fields.items()
    return [(variable(name), _show(name, getattr(found, name)), field.description or "") for name, field in fields]


def render_settings() -> str:
    """Return the page of settings."""
    rows = [
        f"| `{variable(name)}` | {_code(_show(name, field.default))} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        "Every setting is an environment variable, read once at the start.\n"
        "`./lead-events settings` prints what is in force; secrets are masked.",
        "| variable | default | meaning |\n|---|---|---|\n" + "\n".join(rows),
    )


def render_commands(commands: click.Group) -> str:
    """Return the page of commands, each as its own ``--help`` says it."""
    root = click.Context(commands, info_name="./lead-events", terminal_width=100, **commands.context_settings)
    parts = [f"## {_words(each)}\n\n```text\n{each.get_help()}\n```" for each in _walk(root)]
    codes = "Exit codes: 0 done, 1 something was found or failed, 2 wrong input, 3 the operator must act first."
    return _page("Commands", codes, "\n\n".join(parts))


def render_metrics() -> str:
    """Return the page of metrics."""
    metrics = Metrics()
    metrics.watch(lambda: None, lambda: None)
    rows = []
    for collector in list(dict.fromkeys(metrics.registry._collector_to_names)):  # noqa: SLF001 - there is no other way
        for family in getattr(collector, "describe", list)():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
            rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    table = "| metric | kind | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    return _page("Metrics", "`GET /metrics` in the text format of Prometheus.\nKeep it away from the public.", table)


def render_events() -> str:
    """Return the page of event types."""
    parts = []
    for name, kind in sorted(TYPES.items()):
        who = "any key" if kind.public else "the service itself" if kind.server_only else "a secret key"
        schema = json_schema(name).get("properties", {})
        rows = [f"| `{field}` | {_stored(field, kind)} |" for field in schema]
        table = "\n\n| property | stored |\n|---|---|\n" + "\n".join(rows) if rows else ""
        author = "\nIt needs an `author`." if kind.author_required else ""
        parts.append(f"## {name}\n\n{kind.description}\nSent with {who}.{author}{table}")
    text = (
        "Every built-in type with its properties; `openapi/events/` has a JSON Schema of each.\n"
        "Properties that are not named here are accepted and sealed.\n"
        "Any other `object.past_verb` is a custom type, whose properties are all sealed."
    )
    return _page("Event types", text, "\n\n".join(parts))


def render_errors() -> str:
    """Return the page of error codes that a client may meet."""
    _import_all("domain", "store", "projections", "api")
    kinds = [(kind, status_of(kind)) for kind in _listed(LeadEventsError)]
    found = {(code_of(_sample(kind)), status, str(_sample(kind))) for kind, status in kinds if status != _NOT_SAID}
    table = "\n".join(f"| `{code}` | {status} | {message} |" for code, status, message in sorted(found))
    text = (
        "Every error is `application/problem+json` with `code` for programs and `message` for people (RFC 9457).\n"
        "`…` stands for what differs from case to case; `internal_error` (500) carries an `id` for the server's log."
    )
    return _page("Errors", text, "| code | status | message |\n|---|---|---|\n" + table)


def render_api(description: dict[str, Any]) -> str:
    """Return the page of routes."""
    rows = [
        f"| `{method.upper()} {path}` | {_first_line(operation)} |"
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    text = "`GET /docs` shows and tries them; `openapi/openapi.json` describes them for programs."
    return _page("API", text, "| route | does |\n|---|---|\n" + "\n".join(rows))


def _first_line(operation: dict[str, Any]) -> str:
    """Return what an operation does, in one line: its docstring's, or what stands for it."""
    return str(operation.get("description") or operation.get("summary", "")).splitlines()[0]


def _walk(context: click.Context) -> Iterator[click.Context]:
    """Return every command below one, each in the context in which it would run."""
    command = context.command
    if not isinstance(command, click.Group):
        yield context
        return
    if command.invoke_without_command:
        yield context
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from _walk(click.Context(below, info_name=name, parent=context))


def _words(context: click.Context) -> str:
    return context.command_path.partition(" ")[2]


def _import_all(*packages: str) -> None:
    """Import every module that may declare an error, so that the page does not depend on who ran before."""
    for package in packages:
        found = import_module(f"lead_events.{package}")
        for module in walk_packages(found.__path__, f"{found.__name__}."):
            import_module(module.name)


def _listed(kind: type[LeadEventsError]) -> Iterator[type[LeadEventsError]]:
    """Return every error that says something of its own to a client."""
    for below in kind.__subclasses__():
        if below.__module__.startswith(_CLIENT_MODULES) and not (below.__doc__ or "{").startswith("{"):
            yield below
        yield from _listed(below)


def _sample(kind: type[LeadEventsError]) -> LeadEventsError:
    """Make an error without asking its class, whose own arguments may be others than it shows."""
    sample = kind.__new__(kind)
    LeadEventsError.__init__(sample, "…", "…")
    return sample


def _stored(field: str, kind: Any) -> str:
    if field in kind.plain:
        return "readable"
    if field in kind.urls:
        return "readable without the private part of its query"
    return "readable if it is a code, else sealed" if field in kind.reasons else "sealed"


def _show(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return _MASK
    if name == "database_url":
        return make_url(str(value)).render_as_string(hide_password=True)
    return str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


def _page(title: str, text: str, body: str) -> str:
    return f"{_MADE}# {title}\n\n{text}\n\n{body}\n"
