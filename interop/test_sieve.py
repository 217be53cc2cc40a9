"""Random scripts on random letters: what Debian's sieve-test does with them, and what we do."""

import grp
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from interop.sieve_cases import Cases
from postroom.message import headers
from postroom.message.scan import scan
from postroom.sieve.actions import Discard, FileInto, Keep, Outcome, Redirect
from postroom.sieve.compiler import compile_script
from postroom.sieve.interpreter import run
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.limits import Limits
from postroom.sieve.problems import ScriptError
from tests.sieve.answers import run_with

CASES: Final = 400
SENDER: Final = "alice+news@example.org"
OWNER: Final = "bob@example.com"

SETTINGS: Final = """\
base_dir = {folder}/run
log_path = /dev/stderr
mail_location = mbox:{folder}/mail
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
postmaster_address = postmaster@example.com
plugin {{
  sieve_extensions = +editheader
  sieve_max_actions = 0
  sieve_max_redirects = 100
}}
"""

_ACTION: Final = re.compile(r"^ \* (.*)$", re.MULTILINE)
_FLAGS: Final = re.compile(r"^ +\+ add IMAP flags:(.*)$", re.MULTILINE)


def by_debian(folder: Path, script: str, letter: bytes) -> str:
    """What sieve-test says, in our words."""
    folder.joinpath("test.sieve").write_text(script)
    folder.joinpath("test.eml").write_bytes(letter)
    done = subprocess.run(
        [
            "sieve-test", "-c", str(folder / "dovecot.conf"), "-f", SENDER, "-a", OWNER,
            "-r", OWNER, str(folder / "test.sieve"), str(folder / "test.eml"),
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if "failed to compile" in said:
        return "invalid\n" + said
    if "resolved with successful implicit keep" in said:
        return "failed\n" + said
    assert "final result: success" in said, said
    found = []
    for piece in re.split(r"^ (?=\* )", said, flags=re.MULTILINE)[1:]:
        action = piece.splitlines()[0].removeprefix("* ")
        flags = _FLAGS.search(piece)
        words = sorted(flags[1].lower().split()) if flags else []
        found.append(f"{action} {' '.join(words)}".rstrip())
    return "\n".join(sorted(found))


def by_us(script: str, letter: bytes) -> str:
    try:
        compiled = compile_script(script.encode())
    except ScriptError as error:
        return f"invalid\n{error}"
    head, body = headers.split(letter)
    about = Letter(
        head=head, part=scan(letter), body=body, size=len(letter), sender=SENDER, recipient=OWNER
    )
    limits = Limits(max_actions=1000, max_redirects=100)
    outcome = run_with(run(compiled, about, Environment(now=0, limits=limits)), {})
    return f"failed\n{outcome.error}" if outcome.error else described(outcome)


def described(outcome: Outcome) -> str:
    found = []
    for action in outcome.actions:
        match action:
            case Keep(flags=flags):
                found.append(f"store message in folder: INBOX {' '.join(named(flags))}".rstrip())
            case FileInto(mailbox=mailbox, flags=flags):
                words = " ".join(named(flags))
                found.append(f"store message in folder: {mailbox} {words}".rstrip())
            case Redirect(address=address):
                found.append(f"redirect message to: <{address}>")
            case Discard():
                found.append("discard")
            case _:
                found.append(repr(action))
    return "\n".join(sorted(found))


def named(flags: tuple[str, ...]) -> list[str]:
    return sorted([flag.lower() for flag in flags])


def same(ours: str, theirs: str) -> bool:
    """Is it the same? sieve-test cuts long names of mailboxes."""
    pairs = list(zip(ours.split("\n"), theirs.split("\n"), strict=False))
    return ours.count("\n") == theirs.count("\n") and all(
        left == right or (right.endswith("...") and left.startswith(right[:-3]))
        for left, right in pairs
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where sieve-test works; as nobody when we are root, as whom it does not."""
    if shutil.which("sieve-test") is None:
        pytest.fail("sieve-test is missing: apt-get install dovecot-sieve")
    folder = Path(tempfile.mkdtemp(prefix="postroom-interop-"))
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    if os.getuid() == 0:
        user, group = "nobody", "nogroup"
    for path in (folder, folder / "run", folder / "mail"):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    settings = SETTINGS.format(folder=folder, uid=user, gid=group)
    folder.joinpath("dovecot.conf").write_text(settings)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("seed", range(4))
def test_random_scripts_on_random_letters(folder: Path, seed: int) -> None:
    cases = Cases(seed)
    for _ in range(CASES // 4):
        script, letter = cases.script(), cases.letter()
        theirs, ours = by_debian(folder, script, letter), by_us(script, letter)
        if theirs.startswith(("invalid", "failed")):
            assert ours.partition("\n")[0] == theirs.partition("\n")[0], f"{script}\n{theirs}"
        else:
            assert same(ours, theirs), f"{script}\n{letter.decode()}"
