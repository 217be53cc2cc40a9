"""IMAP beside Dovecot (maildir and mdbox), in one run: what clients do, timed by one client.

Every server holds the same mailbox (``bench.corpus``). Each operation is done by one server
after the other, round by round; told is the median, in milliseconds, and how many times
faster Postroom was than the quicker Dovecot. The client (``bench.imap_client``) only counts
octets. What a server does not offer (CAPABILITY) is told as such.

    python -m bench.imap [--letters 10000] [--rounds 3] [--only postroom] [--just SEARCH]
    python -m bench.imap --idle 10000       # sessions in IDLE, their memory and their waking
    python -m bench.imap --million          # a mailbox of a million letters, Postroom alone
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from bench import idle, million
from bench.accept import cpu_seconds
from bench.corpus import COMMON, RARE, SUBJECT, Corpus
from bench.dovecot import PASSWORD
from bench.imap_client import Client, numbers
from bench.mailstores import USER, DovecotStore, PostroomStore, Store, log_in
from rig.ports import HOST

PART: Final = 10_000  # messages that are copied, moved and expunged
APPENDED: Final = 1_000
BODIES: Final = 1_000
SETTLE: Final = 3600  # seconds until an index must be filled
BATCH: Final = 50  # messages that a telephone asks for at once

THUNDERBIRD: Final = (
    "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID"
    " Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"
)
IOS: Final = (
    "(INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc"
    " message-id in-reply-to references content-type x-priority x-uniform-type-identifier"
    " x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location"
    " authentication-results dkim-signature)])"
)


@dataclass
class Visit:
    """A server while it is measured: one session that has selected its INBOX."""

    store: Store
    letters: int
    client: Client
    words: frozenset[bytes]  # of CAPABILITY
    folders: int = 0
    found: int = 0  # by the last search

    def folder(self) -> str:
        """A new mailbox."""
        self.folders += 1
        name = f"folder-{self.folders}"
        self.client.run(f"CREATE {name}")
        return name


@dataclass(frozen=True)
class Operation:
    """Something that is timed: ``run`` answers seconds by name of what it has done.

    ``warm``: it is done once before the rounds that count. ``once``: it can be done only once.
    """

    names: tuple[str, ...]
    run: Callable[[Visit], Sequence[float]]
    warm: bool = True
    once: bool = False
    needs: bytes = b"IMAP4REV1"


Times = dict[str, dict[str, list[float]]]  # by operation, by server: seconds of each round


@dataclass
class Table:
    """The figures so far, told line by line."""

    servers: list[str]
    rows: dict[str, dict[str, float]] = field(default_factory=dict)

    def head(self, first: str) -> None:
        columns = "".join(f"{name:>17}" for name in self.servers)
        print(f"{first:38}{columns}   Postroom is", flush=True)

    def tell(self, name: str, values: dict[str, float], digits: int = 1) -> None:
        """A line; a server without a value does not offer it."""
        self.rows[name] = values
        cells = "".join(
            f"{values[server]:17,.{digits}f}" if server in values else f"{'not offered':>17}"
            for server in self.servers
        )
        peers = [value for server, value in values.items() if server != PostroomStore.name]
        ratio = ""
        if peers and values.get(PostroomStore.name):
            ratio = f"{min(peers) / values[PostroomStore.name]:10.1f} x"
        print(f"{name:38}{cells}   {ratio}", flush=True)


def _commands(*texts: str) -> Callable[[Visit], Sequence[float]]:
    return lambda visit: [sum(visit.client.run(text) for text in texts)]


def _searched(text: str) -> Callable[[Visit], Sequence[float]]:
    def search(visit: Visit) -> Sequence[float]:
        began = time.perf_counter()
        answer = visit.client.text(text)
        seconds = time.perf_counter() - began
        visit.found = numbers(answer)
        return [seconds]

    return search


def _login(visit: Visit) -> Sequence[float]:
    began = time.perf_counter()
    with log_in(visit.store) as client:
        client.run("SELECT INBOX")
        return [time.perf_counter() - began]


def _bodies(visit: Visit) -> Sequence[float]:
    first = max(1, visit.letters // 2 - BODIES)
    return [visit.client.run(f"FETCH {first}:{first + BODIES - 1} (BODY.PEEK[])")]


def _telephone(visit: Visit) -> Sequence[float]:
    last = visit.letters
    return [
        sum(
            visit.client.run(f"UID FETCH {high - BATCH + 1}:{high} {IOS}")
            for high in range(last, max(BATCH, last - 1000), -BATCH)
        )
    ]


def _store(visit: Visit) -> Sequence[float]:
    visit.client.run("STORE 1:* -FLAGS.SILENT (\\Flagged)")
    return [visit.client.run("STORE 1:* +FLAGS (\\Flagged)")]


def _append(visit: Visit) -> Sequence[float]:
    name = visit.folder()
    letters = [letter.octets for letter in Corpus(2).letters(APPENDED)]
    began = time.perf_counter()
    for octets in letters:
        visit.client.append(name, octets)
    seconds = time.perf_counter() - began
    visit.client.run(f"DELETE {name}")
    return [seconds]


def _to_and_fro(visit: Visit) -> Sequence[float]:
    """COPY into a new mailbox, MOVE from there to another, EXPUNGE all there."""
    first, second = visit.folder(), visit.folder()
    with log_in(visit.store) as client:
        copy = visit.client.run(f"COPY 1:{min(PART, visit.letters)} {first}")
        client.run(f"SELECT {first}")
        move = client.run(f"MOVE 1:* {second}")
        client.run(f"SELECT {second}")
        client.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        expunge = client.run("EXPUNGE")
    for name in (first, second):
        visit.client.run(f"DELETE {name}")
    return copy, move, expunge


def _mbsync(visit: Visit) -> Sequence[float]:
    """Into a Maildir in memory: the disk of the client is not what is measured."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="postroom-bench-mbsync-", dir=memory) as folder:
        config = Path(folder) / "mbsyncrc"
        config.write_text(
            f"FSync no\n\nIMAPStore far\nHost {HOST}\nPort {visit.store.imap}\nUser {USER}\n"
            f"Pass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n"
            "DisableExtension COMPRESS=DEFLATE\n\n"  # for Debian's Dovecot has it not
            f"MaildirStore near\nPath {folder}/\nInbox {folder}/INBOX\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\n"
            "SyncState *\n"
        )
        began = time.perf_counter()
        done = subprocess.run(
            ["mbsync", "-q", "-c", str(config), "-a"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"mbsync from {visit.store.name}: {done.stderr}")
        return [time.perf_counter() - began]


OPERATIONS: Final = (
    Operation(
        ("ENVELOPE BODYSTRUCTURE, first time",),
        _commands("FETCH 1:* (ENVELOPE BODYSTRUCTURE)"),
        warm=False,
        once=True,
    ),
    Operation(("LOGIN, SELECT",), _login),
    Operation(("UID FETCH 1:* (FLAGS)",), _commands("UID FETCH 1:* (FLAGS)")),
    Operation(
        ("FETCH 1:* (ENVELOPE BODYSTRUCTURE)",), _commands("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
    ),
    Operation((f"FETCH {BODIES:,} x BODY.PEEK[]",), _bodies),
    Operation(("header fields, Thunderbird, 1:*",), _commands(f"UID FETCH 1:* {THUNDERBIRD}")),
    Operation(("header fields, iOS, last 1,000",), _telephone),
    Operation(("SEARCH SUBJECT",), _searched(f"UID SEARCH SUBJECT {SUBJECT}")),
    Operation(("SEARCH BODY, in < 1 %",), _searched(f"UID SEARCH BODY {RARE}")),
    Operation(("SEARCH BODY, in 100 %",), _searched(f"UID SEARCH BODY {COMMON}")),
    Operation(
        ("SORT (REVERSE DATE)",), _searched("UID SORT (REVERSE DATE) UTF-8 ALL"), needs=b"SORT"
    ),
    Operation(("SORT (SUBJECT)",), _searched("UID SORT (SUBJECT) UTF-8 ALL"), needs=b"SORT"),
    Operation(
        ("THREAD REFERENCES",),
        _commands("UID THREAD REFERENCES UTF-8 ALL"),
        needs=b"THREAD=REFERENCES",
    ),
    Operation(("STORE 1:* +FLAGS (\\Flagged)",), _store),
    Operation((f"APPEND {APPENDED:,}",), _append, warm=False),
    Operation((f"COPY {PART:,}", f"MOVE {PART:,}", f"EXPUNGE {PART:,}"), _to_and_fro, warm=False),
    Operation(("mbsync, all into a new Maildir",), _mbsync),
)


def measure(operation: Operation, visits: list[Visit], rounds: int) -> dict[str, dict[str, float]]:
    """By name, by server: the median in milliseconds. The servers take turns."""
    able = [visit for visit in visits if operation.needs in visit.words]
    times: Times = {name: {} for name in operation.names}
    for visit in able if operation.warm else []:
        operation.run(visit)
    for _ in range(rounds):
        for visit in able:
            for name, seconds in zip(operation.names, operation.run(visit), strict=True):
                times[name].setdefault(visit.store.name, []).append(seconds * 1000)
    found = {visit.store.name: visit.found for visit in able}
    if len(set(found.values())) > 1:
        print(f"{operation.names[0]}: the servers found different messages: {found}")
    for visit in able:
        visit.found = 0
    return {
        name: {server: median(values) for server, values in servers.items()}
        for name, servers in times.items()
    }


def _settle(store: Store) -> float:
    """Wait until the server has done what it does in the background; the seconds."""
    began = time.monotonic()
    before = cpu_seconds(store.pids())
    while time.monotonic() < began + SETTLE:
        time.sleep(1)
        spent = cpu_seconds(store.pids())
        if spent - before < 0.05:
            return time.monotonic() - began - 1
        before = spent
    raise RuntimeError(f"{store.name} does not come to rest")


def _visit(store: Store, letters: int) -> Visit:
    client = log_in(store)
    words = client.text("CAPABILITY").upper().split()
    client.run("SELECT INBOX")
    return Visit(store, letters, client, frozenset(words))


def run(stores: list[Store], letters: int, rounds: int, just: str) -> Table:
    """Fill all servers, then every operation."""
    for store in stores:
        began = time.monotonic()
        store.fill(Corpus().letters(letters))
        print(f"{store.name}: {letters:,} letters in {time.monotonic() - began:.0f} s", flush=True)
        store.start()
        print(f"{store.name}: at rest after {_settle(store):.0f} s", flush=True)
    visits = [_visit(store, letters) for store in stores]
    table = Table([store.name for store in stores])
    table.head(f"{letters:,} letters, ms")
    for operation in OPERATIONS:
        if not any(just.lower() in name.lower() for name in operation.names):
            continue
        if operation.run is _mbsync and shutil.which("mbsync") is None:
            print(f"{operation.names[0]}: left out, mbsync is missing (apt-get install isync)")
            continue
        is_single = operation.once or letters > PART
        for name, values in measure(operation, visits, 1 if is_single else rounds).items():
            table.tell(name, values)
    for visit in visits:
        visit.client.close()
    return table


def _open(names: Sequence[str]) -> list[Store]:
    makers: dict[str, Callable[[], Store]] = {
        "postroom": PostroomStore,
        "maildir": lambda: DovecotStore("maildir"),
        "mdbox": lambda: DovecotStore("mdbox"),
    }
    found: list[Store] = []
    for name in names or makers:
        try:
            found.append(makers[name]())
        except FileNotFoundError as missing:
            print(f"{name}: left out, {missing}", file=sys.stderr)
    return found


def main() -> int:
    """Print a table; write it to bench/results too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=1_000, help="sessions in IDLE; 0: none")
    parser.add_argument("--million", action="store_true", help="only the mailbox of a million")
    parser.add_argument("--only", action="append", choices=("postroom", "maildir", "mdbox"))
    parser.add_argument("--just", default="", help="operations whose name holds this text")
    chosen = parser.parse_args()
    idle.allow_files()
    with ExitStack() as closing:
        stores = _open(["postroom"] if chosen.million else chosen.only or [])
        for store in stores:
            closing.callback(store.remove)
            closing.callback(store.stop)
        if chosen.million:
            table = Table([store.name for store in stores])
            table.head("1,000,000 letters")
            for name, value in million.measure(stores[0]):
                table.tell(name, {stores[0].name: value})
        else:
            table = run(stores, chosen.letters, chosen.rounds, chosen.just)
            if chosen.idle and not chosen.just:
                for name, values in idle.measure(stores, chosen.idle).items():
                    table.tell(name, values)
    results = Path("bench/results")
    results.mkdir(exist_ok=True)
    (results / ("million.json" if chosen.million else "imap.json")).write_text(
        json.dumps(table.rows)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
