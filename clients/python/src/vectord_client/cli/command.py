"""The classes of the commands: options that every command has, examples in each help text, modules imported on use."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from vectord_client.cli.session import Session

PARAMETERS = "vectord.parameters"  # of the command that runs, in the `meta` of its context, for messages
_COMMON = "Options of every command"


@dataclass(frozen=True)
class Entry:
    """One line of the list of commands; the module is imported when the command runs."""

    module: str
    summary: str


def common_options() -> list[click.Option]:
    """Return the options that each command accepts, and `vectord` itself before the command's name."""
    return [
        click.Option(["--url"], metavar="URL", help="The service, as in https://….amazonaws.com. [env: VECTORD_URL]"),
        click.Option(["--store"], metavar="FOLDER", help="A folder in place of a service: embedded mode."),
        click.Option(
            ["--auth"],
            type=click.Choice(["iam", "none"]),
            help="Default: a token in VECTORD_TOKEN, else by the URL. [env: VECTORD_AUTH]",
        ),
        click.Option(["--region"], metavar="NAME", help="AWS region to sign for. Default: the URL's."),
        click.Option(
            ["--timeout"],
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="For a request with its repeats. Default: 60.",
        ),
        click.Option(
            ["as_json", "--json/--table"],
            default=None,
            show_default=False,
            help="One form wherever the output goes. Default: tables on a terminal, JSON lines in a pipe.",
        ),
    ]


class VectordCommand(click.Command):
    """A command with the common options, whose help ends with examples."""

    def __init__(self, *args: Any, examples: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = [line.strip() for line in examples.strip().splitlines()]
        self._common = common_options()
        self.params = [*self.params, *self._common]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with a session of the options that were given before or behind its name."""
        given = {str(option.name): ctx.params.pop(str(option.name)) for option in self._common}
        before = dict(ctx.find_root().params)
        if given["url"] is not None or given["store"] is not None:
            before["url"] = before["store"] = None  # the target behind the command replaces the one before it
        ctx.obj = Session(**{name: before.get(name) if value is None else value for name, value in given.items()})
        ctx.meta[PARAMETERS] = ctx.params
        with ctx.obj:
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options before the common ones."""
        for title, options in (("Options", self._own(ctx)), (_COMMON, self._common)):
            records = [record for option in options if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, a line each, never wrapped: they are copied into a shell."""
        write_examples(formatter, self.examples)

    def _own(self, ctx: click.Context) -> list[click.Parameter]:
        return [
            option for option in self.get_params(ctx) if isinstance(option, click.Option) and option not in self._common
        ]


class VectordGroup(click.Group):
    """Commands that are listed without being imported."""

    command_class = VectordCommand

    def __init__(self, *args: Any, entries: Mapping[str, Entry], examples: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.entries = entries
        self.examples = [line.strip() for line in examples.strip().splitlines()]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), cmd_name.replace("-", "_") + "_command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module} does not define the command {cmd_name}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write shell lines as the last section of a help text."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def command(*, examples: str, name: str | None = None) -> Callable[[Callable[..., Any]], VectordCommand]:
    """Make a function a command: its docstring is the help, `examples` are the last lines of it."""

    def decorate(function: Callable[..., Any]) -> VectordCommand:
        own = name or function.__name__.removesuffix("_command").replace("_", "-")
        return click.command(own, cls=VectordCommand, examples=examples)(function)

    return decorate
