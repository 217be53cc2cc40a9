"""A person before a terminal: reads what is asked, types an answer, and counts."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from postroom.admin.facts import Fact
from tests.cli.world import encoded

ROOT = Path(__file__).parents[2]
LONGEST = 120.0  # seconds; a busy machine may need many
_NUDGE = 2.0


class Terminal:
    """One run of ``postroom`` in the world of these facts; ``inputs`` were typed."""

    def __init__(self, found: list[Fact], *words: str) -> None:
        self.inputs = 0
        self.screen = ""
        self._seen = 0
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.world", encoded(found), *words],
            stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TERM": "dumb"},
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def reads(self, text: str) -> None:
        """Until ``text`` is on the screen, behind what was read before."""
        end = time.monotonic() + LONGEST
        while (at := self.screen.find(text, self._seen)) < 0:
            assert time.monotonic() < end, self.screen
            assert self._more(), f"no {text!r} in:\n{self.screen}"
        self._seen = at + len(text)

    def answers(self, question: str, typed: str) -> None:
        """One input."""
        self._is_asked(question)
        self.inputs += 1
        os.write(self._master, f"{typed}\n".encode())

    def leaves(self, question: str) -> None:
        """Ctrl-C at a question, and Enter for as long as nothing comes of it.

        A signal between the prompt and the read behind it is seen only when that returns.
        """
        self._is_asked(question)
        os.write(self._master, b"\x03")
        while "go on with" not in self.screen[self._seen :] and self._process.poll() is None:
            if not self._more(_NUDGE):
                os.write(self._master, b"\n")

    def ends(self) -> int:
        """The exit status, after everything was read."""
        while self._more():
            continue
        return self._process.wait(LONGEST)

    def _is_asked(self, question: str) -> None:
        """Until the terminal waits: what was typed before a hidden answer would be thrown away."""
        self.reads(question)
        while not self.screen.endswith(": "):
            assert self._more(), self.screen
        self._seen = len(self.screen)

    def _more(self, seconds: float = LONGEST) -> bool:
        readable, _, _ = select.select([self._master], [], [], seconds)
        try:
            octets = os.read(self._master, 65_536) if readable else b""
        except OSError:  # the other end is closed
            octets = b""
        self.screen += octets.decode(errors="replace")
        return bool(octets)
