"""Groups of commands whose help says the whole of what each command does, wrapped instead of cut off."""

from __future__ import annotations

from inspect import cleandoc

import click


class Group(click.Group):
    """Lists its commands with the whole first sentence of each."""

    def summarise(self, ctx: click.Context, name: str) -> str:
        """Return what a command does, as its own help begins."""
        return summary(self.get_command(ctx, name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help of the group."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summarise(ctx, name)) for name in self.list_commands(ctx)])


def summary(command: click.Command | None) -> str:
    """Return the first paragraph of a command's help on one line; nothing where there is none."""
    text = command.help if command else None
    return " ".join(cleandoc(text or "").split("\n\n")[0].split())
