"""Sessions in IDLE: what each costs in memory, and how soon a new message wakes one.

Memory is the proportional set size of all processes of a server, so that what Dovecot's
processes share is counted once. All sessions but one are of one user; the one that is
woken is another's, and gets its messages over SMTP (Postroom) or LMTP (Dovecot). Told is
the time from the message, which is sent at once, until its EXISTS.
"""

import resource
import smtplib
import time
from pathlib import Path
from statistics import median
from typing import Final

from bench.imap_client import Client
from bench.mailstores import OTHER, USER, PostroomStore, Store, log_in
from rig.ports import HOST

WAKES: Final = 15
MESSAGE: Final = b"From: a@load.test\r\nSubject: wake up\r\n\r\nIt is time.\r\n"


def allow_files() -> None:
    """As many connections as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(stores: list[Store], sessions: int) -> dict[str, dict[str, float]]:
    """By name, by server."""
    memory: dict[str, float] = {}
    waking: dict[str, float] = {}
    for store in stores:
        memory[store.name], waking[store.name] = _measure(store, sessions)
    return {
        f"KB of memory, each of {sessions:,} in IDLE": memory,
        f"ms until one of {sessions:,} wakes": waking,
    }


def _measure(store: Store, sessions: int) -> tuple[float, float]:
    open_ones = [_idle(store, USER)]  # what the first one needs is no matter of each
    before = memory(store.pids())
    open_ones += [_idle(store, USER) for _ in range(sessions)]
    time.sleep(1)
    each = (memory(store.pids()) - before) / sessions
    try:
        return each, _wake(store)
    finally:
        for client in open_ones:
            client.close()


def _idle(store: Store, user: str) -> Client:
    client = log_in(store, user)
    client.run("SELECT INBOX")
    client.idle()
    return client


def _wake(store: Store) -> float:
    """Milliseconds, the median."""
    kind = smtplib.SMTP if store.name == PostroomStore.name else smtplib.LMTP
    times = []
    with kind(HOST, store.delivery) as sender, _idle(store, OTHER) as client:
        sender.ehlo() if kind is smtplib.SMTP else sender.ehlo("bench")
        for _ in range(WAKES):
            sender.mail("a@load.test")
            sender.rcpt(OTHER)
            sender.putcmd("data")
            sender.getreply()
            began = time.perf_counter()
            sender.send(MESSAGE + b".\r\n")
            code, text = sender.getreply()
            if code != 250:
                raise RuntimeError(f"{store.name} refused a message: {code} {text!r}")
            times.append((client.wait(b"EXISTS") - began) * 1000)
    return median(times)


def memory(pids: list[int]) -> float:
    """KB of these processes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return float(total)
