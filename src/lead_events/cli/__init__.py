"""The command line: one module per family of commands; each imports what it needs when it runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

import click

import lead_events
from lead_events.domain.errors import LeadEventsError, Misconfigured

WRONG_INPUT = 2
OPERATOR_MUST_ACT = 3
_COLLECT_EVERY = 50_000
"""Objects; looking for garbage in what a command imports, all of which stays, took an eighth of the start of a service."""

_COMMANDS = {
    "serve": "serve:serve",
    "worker": "serve:worker",
    "migrate": "migrate:migrate",
    "keys": "keys:keys",
    "sources": "keys:sources",
    "models": "models:models",
    "lists": "lists:lists",
    "replay": "generations:replay",
    "generations": "generations:generations",
    "promote": "generations:promote",
    "rollback": "generations:rollback",
    "verify": "verify:verify",
    "retention": "retention:retention",
    "parked": "parked:parked",
    "quarantine": "quarantine:quarantine",
    "erase": "erase:erase",
    "scrub": "erase:scrub",
    "import": "transfer:import_events",
    "maps": "transfer:maps",
    "export": "transfer:export_events",
    "backup": "backup:backup",
    "demo": "demo:demo",
    "settings": "reference:settings",
    "openapi": "reference:openapi",
    "docs": "reference:docs",
}
"""Every command and where it is; a new one is one line here."""


class _Commands(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, in the order in which they are met."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command by its name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"lead_events.cli.{module}"), attribute)
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(lead_events.__version__, prog_name="lead-events", message="%(prog)s %(version)s")
def commands() -> None:
    """An event log for websites and CRMs that explains, replays and previews every lead score."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what lead-events itself refuses is one line and an exit code, never a traceback.

    Args:
        arguments: instead of those of the process.

    Exit codes: 1 something was found or failed, 2 wrong input, 3 the operator must act first.
    """
    gc.set_threshold(_COLLECT_EVERY)
    try:
        commands(arguments, prog_name="lead-events")
    except LeadEventsError as error:
        click.echo(f"lead-events: {error}", err=True)
        sys.exit(OPERATOR_MUST_ACT if isinstance(error, Misconfigured) else WRONG_INPUT)
