"""`vectord completion`: the script by which a shell completes commands, options and names of indexes."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from vectord_client.cli.command import command
from vectord_client.cli.output import say

VARIABLE = "_VECTORD_COMPLETE"  # as click's scripts name it
_EXAMPLES = """
vectord completion bash --install
vectord completion zsh --install
vectord completion fish --install
vectord completion bash > vectord.bash
"""
# Where a shell finds scripts of the user; bash needs its package bash-completion for that, zsh a line in ~/.zshrc.
_PLACES = {
    "bash": (
        "~/.local/share/bash-completion/completions/vectord",
        "Open a new shell. Without the package bash-completion, add to ~/.bashrc:  . {path}",
    ),
    "zsh": (
        "~/.zfunc/_vectord",
        "Add to ~/.zshrc:  fpath=(~/.zfunc $fpath); autoload -Uz compinit && compinit   and open a new shell.",
    ),
    "fish": ("~/.config/fish/completions/vectord.fish", "Open a new shell."),
}


@command(examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(sorted(_PLACES)))
@click.option("--install", is_flag=True, help="Write the script to the place where the shell finds it.")
@click.pass_context
def completion_command(ctx: click.Context, shell: str, install: bool) -> None:
    """Print the script of a SHELL that completes commands, options, files and names of indexes, or install it.

    Names of indexes are read from the service or folder of the line that is completed, within two seconds.
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click does not complete in {shell}")
    script = made(ctx.find_root().command, {}, "vectord", VARIABLE).source()
    if not install:
        click.echo(script)
        return
    place, advice = _PLACES[shell]
    path = Path(place).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.write_text(script + "\n", encoding="utf-8")
    staged.replace(path)
    say(f"Wrote {path}. {advice.format(path=path)}")
