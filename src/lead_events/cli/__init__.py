"""The command line: one module per family of commands; each imports what it needs when it runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

import click
from click.exceptions import NoSuchCommand

import lead_events
from lead_events.cli.groups import Group
from lead_events.domain.errors import LeadEventsError, Misconfigured

WRONG_INPUT = 2
OPERATOR_MUST_ACT = 3
_COLLECT_EVERY = 50_000
"""Objects; looking for garbage in what a command imports, all of which stays, took an eighth of the start of a service."""

_COMMANDS = {
    "serve": ("serve:serve", "Serve the API, its docs and the live projector."),
    "worker": ("serve:worker", "Run the projector and the builds of generations alone; several at once are safe."),
    "migrate": ("migrate:migrate", "Bring the database to this version's schema, under a lock."),
    "keys": ("keys:keys", "Make, list and revoke API keys; rotate the master key."),
    "sources": ("keys:sources", "The websites, apps and systems that events come from."),
    "models": ("models:models", "Model documents: immutable, numbered, with author and note."),
    "lists": ("lists:lists", "Lists of free and of disposable mail providers: immutable, numbered, with author and note."),
    "replay": ("generations:replay", "Replay all history under a model beside the live one, and show what would be different."),
    "generations": ("generations:generations", "List generations: which is live, which are being built or stand by."),
    "promote": ("generations:promote", "Make a generation that is ready the live one; no reader sees a mix."),
    "rollback": ("generations:rollback", "Make the generation live again that was live before."),
    "verify": ("verify:verify", "Check what is stored; without a command, everything."),
    "retention": (
        "retention:retention",
        "Forget, as an erasure does, whoever has been kept beyond the periods that are set; customers stay.",
    ),
    "parked": ("parked:parked", "Leads whose fold failed; their events are safe in the log."),
    "quarantine": ("quarantine:quarantine", "Events whose id was taken by other content; they never entered the log."),
    "erase": ("erase:erase", "Erase a person's data for ever and print the signed receipt."),
    "scrub": ("erase:scrub", "Wipe what the database's files still hold of rows that are gone."),
    "import": (
        "transfer:import_events",
        "Append the events of FILE, JSON lines or CSV; what is there already is not added again.",
    ),
    "maps": ("transfer:maps", "List the maps for CSV files that are shipped, or print one to start your own from."),
    "export": ("transfer:export_events", "Write the log as JSON lines, personal values and all; each lead's access log says so."),
    "backup": ("backup:backup", "Copy the whole database to FILE while it is in use."),
    "demo": ("demo:demo", "Make up a history: the same arguments give the same one."),
    "settings": ("reference:settings", "Print every setting, its value now and what it does; secrets are masked."),
    "openapi": ("reference:openapi", "Write or check openapi/: the API, every event type and the model document."),
    "docs": ("reference:docs", "Write or check the generated pages of docs/reference/."),
}
"""Every command, where it is, and what it does, as its own help begins; a new one is one line here.

The words stand here too, so that ``--help`` need not import what the commands do: that took three seconds.
"""


class Commands(Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, in the order in which they are met."""
        return list(_COMMANDS)

    def summarise(self, ctx: click.Context, name: str) -> str:  # noqa: ARG002 - that of the group
        """Return what a command does, without importing it."""
        return _COMMANDS[name][1]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name.

        Raises:
            NoSuchCommand: there is none; says which one may be meant.
        """
        if cmd_name not in _COMMANDS:
            raise NoSuchCommand(cmd_name, possibilities=_COMMANDS, ctx=ctx)
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"lead_events.cli.{module}"), attribute)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
        commands(arguments, prog_name="./lead-events")
    except LeadEventsError as error:
        click.echo(f"lead-events: {error}", err=True)
        sys.exit(OPERATOR_MUST_ACT if isinstance(error, Misconfigured) else WRONG_INPUT)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"lead-events: {error.filename}: {error.strerror}.", err=True)
        sys.exit(WRONG_INPUT)
