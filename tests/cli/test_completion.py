import os
import subprocess
import sys
from pathlib import Path

import pytest

from postroom.cli.completion import script
from postroom.cli.main import COMMANDS, postroom
from tests.cli.conftest import Shell

_TAB = """
eval "$(postroom completion bash)"
COMP_WORDS=(postroom al); COMP_CWORD=1
_postroom_completion postroom
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_the_program(shell: Shell, name: str) -> None:
    said = shell.says("completion", name)
    assert f"_POSTROOM_COMPLETE={name}_complete" in said
    assert "_postroom_completion" in said


def test_another_shell_is_refused(shell: Shell) -> None:
    assert "'bash', 'zsh', 'fish'" in shell.misuses("completion", "csh")
    with pytest.raises(ValueError, match="csh"):
        script("csh", postroom)


def completed(words: str) -> list[str]:
    """What the program answers to bash for the last of these words."""
    done = subprocess.run(
        [sys.executable, "-c", "from postroom.cli.main import main; main()"],
        env={
            **os.environ,
            "_POSTROOM_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.removeprefix("plain,") for line in done.stdout.split()]


def test_commands_subcommands_and_options_are_completed() -> None:
    assert completed("postroom ") == list(COMMANDS)
    assert completed("postroom qu") == ["queue"]
    assert "retry" in completed("postroom queue re")
    assert completed("postroom --ver") == ["--version"]
    assert "--json" in completed("postroom queue list --j")


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    program = tmp_path / "postroom"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m postroom "$@"\n')
    program.chmod(0o755)
    said = subprocess.run(
        [
            "bash", "--norc", "-c",
            _TAB,
        ],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert said.stdout == "alias\n", said.stderr
