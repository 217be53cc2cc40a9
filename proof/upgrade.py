r"""A folder of an older version is upgraded, and killed at each statement of that.

python -m proof.upgrade OLD [--kills N], where OLD is a checkout of the older version.

It serves mailboxes with all kinds of flags, keywords and \Seen of members, and holes where
messages were expunged. What IMAP says of them (flags, MODSEQs, counts, what has changed since,
what is gone) has to be the same afterwards, wherever the upgrade was killed before: the next
start finishes it.
"""

import argparse
import contextlib
import imaplib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rig import postgresql
from rig.answers import quoted, well
from rig.load import letter
from rig.ports import HOST
from rig.server import DOMAIN, END_SECONDS, Server

PASSWORD = "upgrade-proof-password"
MESSAGES: Final = 2_048
NEW: Final = (sys.executable, "-m", "postroom")
PEOPLE: Final = ("alice", "bob")
FLAGS: Final = (
    "\\Seen",
    "\\Flagged",
    "\\Answered",
    "\\Deleted",
    "\\Draft",
    "$Junk",
    "Work",
    "$One",
)

View = dict[str, list[bytes]]  # by login and mailbox: lines


def prove(old: Path, *, kills: int, database: str | None = None) -> bool:
    """Kill at up to so many statements of the upgrade, and as often at any time."""
    engine = "PostgreSQL" if database else "SQLite"
    folder = Path(tempfile.mkdtemp(prefix="postroom-upgrade-"))
    program = ("env", f"PYTHONPATH={old / 'src'}", sys.executable, "-m", "postroom")
    server = Server(folder / "old", database=database, program=program)
    _fill(server)
    before = _views(server)
    server.stop()
    letters = sum(len(lines) for lines in before.values())
    statements, needed = _statements(folder, server, database)
    chosen = _spread(range(1, len(statements) + 1), kills)
    chance = random.Random(5700)
    wrong: list[str] = []
    dead = 0
    for number in (*chosen, *(0 for _ in range(kills))):
        again = _copy(folder / "again", server, database)
        where = statements[number - 1] if number else "any time"
        seconds = END_SECONDS if number else chance.uniform(0.2, 1) * needed
        dead += _killed(again, number, folder / "statements", seconds)
        again.start()
        if _views(again) != before:
            wrong.append(where)
        is_sound = again.is_sound()
        again.stop()
        if not is_sound:
            wrong.append(f"{where} (doctor)")
    print(
        f"upgrade on {engine}: {letters} lines of IMAP, killed {dead} times, at {len(chosen)} of"
        f" {len(statements)} statements and at any time; {len(wrong)} wrong {wrong}"
    )
    if not wrong:
        shutil.rmtree(folder)
    return not wrong and dead > 0


def _fill(server: Server) -> None:
    for name in PEOPLE:
        server.add_account(f"{name}@{DOMAIN}", PASSWORD)
    server.start()
    chance = random.Random(5600)
    with _login(server, "alice") as client:
        for box, messages in (("INBOX", MESSAGES), ("Archive", 1_024), ("Few", 8)):
            client.create(quoted(box))
            client.append(box, "", "", letter(uuid.uuid4().hex, 400))
            well(client.select(box))
            while _exists(client) < messages:
                well(client.copy("1:*", box))
            _flag(client, chance)
            gone = ",".join(map(str, sorted(chance.sample(range(1, messages), messages // 8))))
            well(client.uid("STORE", gone, "+FLAGS.SILENT", "(\\Deleted)"))
            well(client.uid("EXPUNGE", gone))
            well(client.append(box, "(\\Flagged Work)", "", letter(uuid.uuid4().hex, 900)))
    for box in ("INBOX", "Archive"):
        server.command("share", "add", f"alice@{DOMAIN}/{box}", f"bob@{DOMAIN}", "--rights", "full")
    with _login(server, "bob") as client:
        for box in ("INBOX", "Archive"):
            well(client.select(quoted(f"Other Users/alice@{DOMAIN}/{box}")))
            _flag(client, chance)


def _exists(client: imaplib.IMAP4) -> int:
    well(client.noop())
    answer = client.uid("SEARCH", "ALL")
    return len(answer[1][0].split())


def _flag(client: imaplib.IMAP4, chance: random.Random) -> None:
    """All kinds, over all, over ranges and alone."""
    last = _exists(client)
    for flag in FLAGS:
        first = chance.randint(1, last)
        alone = ",".join(str(chance.randint(1, last)) for _ in range(20))
        named = ("1:*", f"{first}:*", f"1:{first}", alone)
        for sign in "+-+":
            well(client.store(chance.choice(named), f"{sign}FLAGS.SILENT", f"({flag})"))


def _login(server: Server, name: str) -> imaplib.IMAP4:
    client = imaplib.IMAP4(HOST, server.ports["imap"], timeout=120)
    client.login(f"{name}@{DOMAIN}", PASSWORD)
    client.enable("QRESYNC")
    return client


def _views(server: Server) -> View:
    """All that people see of their mailboxes."""
    views: View = {}
    if server.wait(0):
        server.start()
    for name in PEOPLE:
        with _login(server, name) as client:
            answer = client.list()[1]
            listed = [
                re.split(rb' "/" ', line)[1].strip(b'"').decode()
                for line in answer
                if isinstance(line, bytes)
            ]
            for box in sorted(listed):
                if client.select(quoted(box), readonly=True)[0] == "OK":
                    views[f"{name} {box}"] = _view(client, box)
    return views


def _view(client: imaplib.IMAP4, box: str) -> list[bytes]:
    lines = [
        f"{code} {client.response(code)[1]}".encode()
        for code in ("EXISTS", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", "PERMANENTFLAGS")
    ]
    lines += client.status(quoted(box), "(MESSAGES UNSEEN DELETED SIZE UIDNEXT HIGHESTMODSEQ)")[1]
    high = int(re.findall(rb"HIGHESTMODSEQ (\d+)", lines[-1])[0])
    lines += _fetched(client, "(UID FLAGS MODSEQ RFC822.SIZE INTERNALDATE)")
    for since in (1, high // 2, high * 3 // 4, high - 1):
        client.response("VANISHED")
        lines += _fetched(client, "(FLAGS)", f"(CHANGEDSINCE {since} VANISHED)")
        lines += client.response("VANISHED")[1] or []
    for wish in (
        "UNSEEN",
        "FLAGGED",
        "ANSWERED",
        "DELETED",
        "DRAFT",
        "KEYWORD Work",
        "UNKEYWORD $One",
    ):
        lines += client.uid("SEARCH", wish)[1]
    return [bytes(line or b"") for line in lines]


def _fetched(client: imaplib.IMAP4, *asked: str) -> list[bytes]:
    client.response("FETCH")
    answer = client.uid("FETCH", "1:*", *asked)
    well(answer)
    return [_sorted(line) for line in answer[1] if line]


def _sorted(line: bytes) -> bytes:
    """The flags of a line in an order that does not matter."""
    return re.sub(
        rb"FLAGS \(([^)]*)\)", lambda m: b"FLAGS " + b" ".join(sorted(m[1].split())), line
    )


def _copy(
    folder: Path, server: Server, database: str | None, program: Sequence[str] = NEW
) -> Server:
    """The folder as the old version left it, served by this one."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(server.folder, folder)
    if database is not None:
        _psql(database, "DROP DATABASE IF EXISTS again")
        _psql(database, "CREATE DATABASE again TEMPLATE postgres")
        database = database.replace("/postgres?", "/again?")
    return Server(folder, database=database, program=program)


def _psql(database: str, statement: str) -> None:
    programs = postgresql.programs()
    url = database.replace("/postgres?", "/template1?")
    command: Sequence[str] = [str((programs or Path("/")) / "psql"), "-qc", statement, url]
    if not Path(command[0]).exists():
        command = ["psql", *command[1:]]
    subprocess.run(command, check=True, capture_output=True)


def _hooked(number: int, log: Path) -> list[str]:
    """The program that dies at a statement, 0: at none, and notes all."""
    log.unlink(missing_ok=True)
    return [sys.executable, "-m", "proof.dying", str(number), str(log)]


def _statements(folder: Path, server: Server, database: str | None) -> tuple[list[str], float]:
    """Those of the upgrade, in order; the seconds until the server is there."""
    log = folder / "statements"
    again = _copy(folder / "again", server, database, program=_hooked(0, log))
    seconds = again.start()
    again.kill()
    lines = log.read_text().splitlines()
    last = max(at for at, line in enumerate(lines) if "INSERT INTO schema_version" in line)
    return lines[: last + 2], seconds  # and its COMMIT


def _killed(server: Server, number: int, log: Path, seconds: float) -> bool:
    """Start it; it dies at a statement, else it is killed after so many seconds."""
    process = subprocess.Popen(
        [*_hooked(number, log), "-c", str(server.config), "serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most so many of them, from all over."""
    step = max(1.0, len(numbers) / max(1, most))
    return sorted({numbers[int(at * step)] for at in range(min(most, len(numbers)))})


def main() -> int:
    """On SQLite, and on PostgreSQL where it is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("--kills", type=int, default=12)
    chosen = parser.parse_args()
    is_good = prove(chosen.old.resolve(), kills=chosen.kills)
    if postgresql.programs():
        with postgresql.PostgreSQL() as database:
            is_good &= prove(chosen.old.resolve(), kills=chosen.kills, database=database.url)
    print("upgrade: " + ("proved" if is_good else "NOT proved"))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
