"""``postroom completion``: what the Tab key knows of these commands."""

from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

_VARIABLE: Final = "_POSTROOM_COMPLETE"  # click answers questions that come in it
_SHELLS: Final = ("bash", "zsh", "fish")


@click.command(
    epilog="Try it:  source <(postroom completion bash)  or, in fish,  postroom completion fish | source"
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands and options.

    For good: bash, into ~/.local/share/bash-completion/completions/postroom; zsh, into a file
    _postroom in a folder of $fpath; fish, into ~/.config/fish/completions/postroom.fish.
    """
    click.echo(script(shell, context.find_root().command))


def script(shell: str, command: click.Command) -> str:
    """The script for one of the shells bash, zsh and fish."""
    kind = get_completion_class(shell)
    if kind is None:
        raise ValueError(f"no such shell: {shell}")
    # Not kind's own source(): that of bash starts a bash to learn its version.
    return ShellComplete.source(kind(command, {}, "postroom", _VARIABLE))
