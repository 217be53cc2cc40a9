r"""kill -9 while people sort their mail: copies, moves, flags, expunges, and a journal of it all.

Each change over IMAP is there whole or not at all, those acknowledged are; QRESYNC tells all of it
afterwards. Of a mailbox that several people change by whole blocks every session, open or fresh,
sees the flags that were set, and each member their own \Seen. Nothing is counted wrong, so that no
octets go that somebody has, and none stay that nobody has. Meanwhile mail comes in, and each letter
acknowledged is in the journal, too.
"""

import imaplib
import random
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rig.load import Journal, Load, compare, letter, stored
from rig.ports import HOST
from rig.server import DOMAIN, Server
from rig.shuffler import Shuffler
from rig.sweeper import FEWEST, Sweeper

PASSWORD = "mailbox-proof-password"
PEOPLE = 3
DRAIN_SECONDS = 60.0


def prove(*, kills: int, seconds: float, database: str | None = None) -> bool:
    """At least so many kills, or what fits into the seconds."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-mailboxes-"))
    settings = "[limits]\nundelete_days = 0\nmax_connections_per_ip = 1000"
    server = Server(folder, settings=settings, database=database)
    for name in ("alice", "archive", "pool"):
        server.add_account(f"{name}@{DOMAIN}", PASSWORD)
    server.command("domain", "journal", DOMAIN, f"archive@{DOMAIN}")
    journal = Journal()
    load = Load(server.ports["smtp"], f"alice@{DOMAIN}", connections=2, journal=journal)
    server.start()
    people = [_person(server, number) for number in range(PEOPLE)]
    chance = random.Random(3501)
    load.start()
    sweepers = _sweepers(server)
    everybody: list[Shuffler | Sweeper] = [*people, *sweepers]
    for one in everybody:
        one.start()
    done, end = 0, time.monotonic() + seconds
    while done < kills and time.monotonic() < end and not any(one.faults for one in everybody):
        time.sleep(chance.uniform(0.3, 2.0))
        server.kill()
        server.start()
        done += 1
    load.stop()
    for one in people:
        one.stop()
        one.look(whole=True)
    faults = _ended(sweepers)
    left = _drained(server)
    alice = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
    archive = compare(journal, _journaled(server))
    is_sound = server.is_sound()
    server.stop()
    changes = sum((one.changes for one in everybody), Counter[str]())
    faults += [fault for one in everybody for fault in one.faults]
    print(
        f"mailboxes: {done} kills; acknowledged changes {dict(changes)}, {len(faults)} faults;"
        f" mail: {alice}; its journal: {archive}, {left} left in the queue"
    )
    print("".join(f"mailboxes: {fault}\n" for fault in faults), end="")
    good = not faults and alice.good and archive.good and not left and is_sound
    if good:
        shutil.rmtree(folder)
    else:
        print(f"mailboxes: the data folder is kept for study: {folder}")
    return good and done >= kills


def _person(server: Server, number: int) -> Shuffler:
    """With two mailboxes of their own and one that the account "pool" shares with them."""
    name, shared = f"p{number}@{DOMAIN}", f"Box{number}"
    server.add_account(name, PASSWORD)
    with imaplib.IMAP4(HOST, server.ports["imap"], timeout=60) as client:
        client.login(f"pool@{DOMAIN}", PASSWORD)
        client.create(shared)
    server.command("share", "add", f"pool@{DOMAIN}/{shared}", name, "--rights", "full")
    boxes = ("INBOX", "Archive", f"Other Users/pool@{DOMAIN}/{shared}")
    return Shuffler(server, name, PASSWORD, boxes, seed=number)


def _sweepers(server: Server) -> list[Sweeper]:
    """The owner of a large mailbox and two people with whom it is shared; a letter, many copies."""
    owner, box = f"pool@{DOMAIN}", "Wide"
    with imaplib.IMAP4(HOST, server.ports["imap"], timeout=60) as client:
        client.login(owner, PASSWORD)
        client.create(box)
        client.append(box, "", "", letter(uuid.uuid4().hex, 300))
        client.select(box)
        count = 1
        while count < FEWEST:
            client.copy("1:*", box)
            client.noop()
            count *= 2
    sweepers = [
        Sweeper(
            server, owner, PASSWORD, box, ["\\Seen", "\\Flagged", "\\Deleted", "$Owner", "$More"],
            seed=PEOPLE, is_owner=True,
        )
    ]  # fmt: skip
    for number, own in enumerate(("\\Seen \\Answered $One", "\\Seen \\Draft $Two")):
        name = f"member{number}@{DOMAIN}"
        server.add_account(name, PASSWORD)
        server.command("share", "add", f"{owner}/{box}", name, "--rights", "full")
        shared = f"Other Users/{owner}/{box}"
        sweepers.append(
            Sweeper(server, name, PASSWORD, shared, own.split(), seed=PEOPLE + 1 + number)
        )
    return sweepers


def _ended(sweepers: list[Sweeper]) -> list[str]:
    """Faults between them: all have one view of what is not each one's own."""
    for one in sweepers:
        one.stop()
    views = [{uid: flags - {"\\Seen"} for uid, flags in one.end().items()} for one in sweepers]
    return (
        []
        if all(view == views[0] for view in views)
        else ["members do not see what the owner sees"]
    )


def _drained(server: Server) -> int:
    """How many letters are in the queue once nothing more happens."""
    end = time.monotonic() + DRAIN_SECONDS
    while (letters := server.json("queue", "list")) and time.monotonic() < end:
        aside = [
            one["id"]
            for one in letters
            if any(to["status"] == "quarantined" for to in one["recipients"])
        ]
        if aside:  # two kills have hit while it was prepared
            server.command("queue", "release", *aside)
        server.command("queue", "retry", "--all")
        time.sleep(0.5)
    return len(letters)


def _journaled(server: Server) -> Iterator[bytes]:
    """The messages in the journal reports, without the boundary that follows each."""
    for octets in stored(server.ports["imap"], f"archive@{DOMAIN}", PASSWORD):
        yield octets.rpartition(b"\r\n--")[0]
