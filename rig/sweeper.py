"""Several mail programs in one large mailbox, which change flags of all of it at once.

Each has flags that nobody else changes, and its model knows them of every message; the owner
also copies and expunges. They hold what the server says against their models: in the session that
has made the changes, after each of its deaths, and as CHANGEDSINCE brings up to date what was
known at the last look. A STORE whose answer does not come may have been made for some messages.
"""

import contextlib
import imaplib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from rig.answers import Unexpected, first_uid, quoted, uid_and_flags, uids_of, well
from rig.ports import HOST
from rig.server import Server

BLOCK: Final = 512  # UIDs that a server of ours keeps together
MOST: Final = 2_500  # messages; above, some are expunged
FEWEST: Final = 3 * BLOCK
LOOK: Final = 0.15  # how often it looks after a change

Flags = frozenset[str]
Known = dict[int, Flags]  # by UID


class Sweeper(threading.Thread):
    """Changes its ``flags`` of a mailbox until ``stop``; the session stays open for ``end``."""

    def __init__(
        self,
        server: Server,
        login: str,
        password: str,
        box: str,
        flags: Iterable[str],
        *,
        seed: int,
        is_owner: bool = False,
    ) -> None:
        """``seed`` makes its choices those of another run."""
        super().__init__(daemon=True)
        self.faults: list[str] = []
        self.changes: Counter[str] = Counter()
        self._server = server
        self._login, self._password, self._box = login, password, box
        self._own = frozenset(flags)
        self._chance = random.Random(seed)
        self._is_owner = is_owner
        self._model: Known | None = None  # own flags
        self._mirror: Known = {}  # all flags, as the open session was told them
        self._known: Known = {}  # own flags at the beginning of the last session
        self._modseq = 0  # HIGHESTMODSEQ then
        self._open: tuple[str, list[int], Flags, Flags] | None = None  # has no answer yet
        self._client: imaplib.IMAP4 | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Change nothing any more."""
        self._stopped.set()
        self.join(120)

    def run(self) -> None:
        """Begin again whenever the server has died."""
        while not self._stopped.is_set() and not self.faults:
            try:
                client = self._enter()
                while not self._stopped.is_set() and not self.faults:
                    self._change(client)
                    if self._chance.random() < LOOK:
                        self._hold(self._fetch(client), "its own session")
            except (OSError, imaplib.IMAP4.abort):
                self._client = None
                time.sleep(0.02)
            except (imaplib.IMAP4.error, Unexpected) as error:
                self._fault(repr(error))

    def end(self) -> Known:
        """Once all have stopped: all flags. The open session and a fresh one must agree on them.

        What it was told is held against that for messages it knows: a silent STORE also changes
        those that have just come in, and does not tell.
        """
        told = cached = None
        with contextlib.suppress(OSError, imaplib.IMAP4.abort):  # it ended with the last kill
            if self._client is not None:
                well(self._client.noop())
                self._hear(self._client, self._client.response("FETCH")[1])
                mirror = self._mirror.items()
                told = {uid: flags for uid, flags in mirror if uid in (self._model or {})}
                cached = self._fetch(self._client)
                self._client.logout()
        with self._enter() as client:
            fresh = self._fetch(client)
        if told is not None and (
            wrong := [
                (*one, fresh.get(one[0])) for one in told.items() if fresh.get(one[0]) != one[1]
            ]
        ):
            self._fault(f"{len(wrong)} messages are not as the session was told: {wrong[:3]}")
        if cached is not None and cached != fresh:
            self._fault("FETCH of the open session is not that of a fresh one")
        return fresh

    def _enter(self) -> imaplib.IMAP4:
        """A new session in the mailbox; what is found is held against the model."""
        client = imaplib.IMAP4(HOST, self._server.ports["imap"], timeout=60)
        client.login(self._login, self._password)
        client.enable("QRESYNC")
        well(client.select(quoted(self._box)))
        modseq = int(client.response("HIGHESTMODSEQ")[1][-1] or 0)
        since = self._since(client) if self._model is not None else None
        self._mirror = {}
        found = self._fetch(client)
        if self._open is not None and self._model is not None:
            self._decide(found, *self._open)
        self._open = None
        self._hold(found, "a new session")
        if since is not None:
            self._compare(since, found, f"CHANGEDSINCE {self._modseq}")
        self._known, self._modseq = self._model or {}, modseq
        self._client = client
        return client

    def _since(self, client: imaplib.IMAP4) -> Known:
        """What was known at the last look, changed as the server says; own flags."""
        known = dict(self._known)
        client.response("FETCH")
        client.response("VANISHED")
        asked = f"(CHANGEDSINCE {self._modseq} VANISHED)"
        answer = client.uid("FETCH", "1:*", "(FLAGS)", asked)
        well(answer)
        known |= {uid: flags & self._own for uid, flags in _flags(answer[1]).items()}
        for uid in _vanished(client):
            known.pop(uid, None)
        return known

    def _fetch(self, client: imaplib.IMAP4) -> Known:
        """All flags of all messages."""
        self._hear(client, client.response("FETCH")[1])
        answer = client.uid("FETCH", "1:*", "(FLAGS)")
        well(answer)
        found = _flags(answer[1])
        for uid in self._hear(client, answer[1]):
            found.pop(uid, None)
        return found

    def _hear(self, client: imaplib.IMAP4, lines: Iterable[bytes | None]) -> list[int]:
        """Take notice of what a session is told, asked or not; the UIDs that are gone."""
        self._mirror |= _flags(lines)
        gone = _vanished(client)
        for uid in gone:
            self._mirror.pop(uid, None)
        return gone

    def _hold(self, found: Known, where: str) -> None:
        """Against the model; what has come in by others' hands is taken into it."""
        own = {uid: flags & self._own for uid, flags in found.items()}
        if self._model is not None:
            self._compare(self._model, own, where)
        self._model = own

    def _compare(self, expected: Known, found: Known, where: str) -> None:
        if self._is_owner and (other := expected.keys() ^ found.keys()):
            self._fault(f"in {where} are other messages: {len(other)}, {sorted(other)[:5]}")
        wrong = [
            (uid, sorted(expected[uid]), sorted(found[uid] & self._own))
            for uid in expected.keys() & found.keys()
            if expected[uid] != found[uid] & self._own
        ]
        if wrong:
            self._fault(f"{len(wrong)} messages have other flags in {where}: {sorted(wrong)[:3]}")

    def _decide(self, found: Known, kind: str, uids: list[int], on: Flags, off: Flags) -> None:
        """What has become of the change without an answer; the model follows where it may."""
        model = self._model or {}
        if kind == "store":
            for uid in uids:
                own = found.get(uid, frozenset()) & self._own
                if uid in model and own == model[uid] - off | on:
                    model[uid] = own
        elif kind == "expunge" and not any(uid in found for uid in uids):
            self._drop(uids)
        elif kind == "copy":
            new = sorted(set(found) - set(model))
            if len(new) == len(uids):
                model |= {uid: model[old] for uid, old in zip(new, uids, strict=True)}

    def _change(self, client: imaplib.IMAP4) -> None:
        """One change, or two that belong together."""
        model = self._model or {}
        if self._is_owner and self._chance.random() < 0.15:
            first, last = self._range(sorted(model), self._chance.randint(1, 2 * BLOCK))
            uids = [uid for uid in sorted(model) if first <= uid <= last]
            if len(model) - len(uids) < FEWEST or (
                len(model) < MOST and self._chance.random() < 0.5
            ):
                self._copy(client, uids)
            else:
                self._expunge(client, uids)
            return
        flags = frozenset(self._chance.sample(sorted(self._own), self._chance.choice((1, 1, 2))))
        is_on, is_silent = self._chance.random() < 0.5, self._chance.random() < 0.8
        named, uids = self._set(sorted(model))
        self._store(client, named, uids, flags, is_on=is_on, is_silent=is_silent)

    def _set(self, known: list[int]) -> tuple[str, list[int]]:
        """Messages as a command names them, often whole blocks; and their UIDs."""
        kind = self._chance.choice(("all", "all", "from", "range", "some"))
        if kind == "all":
            return "1:*", known
        if kind == "from":
            first = self._chance.choice(known[:-1])
            return f"{first}:*", [uid for uid in known if uid >= first]
        if kind == "range":
            first, last = self._range(known, self._chance.randint(1, len(known)))
            return f"{first}:{last}", [uid for uid in known if first <= uid <= last]
        uids = sorted(self._chance.sample(known, 25))
        return ",".join(map(str, uids)), uids

    def _range(self, known: list[int], length: int) -> tuple[int, int]:
        at = self._chance.randrange(max(1, len(known) - length))
        return known[at], known[min(at + length, len(known)) - 1]

    def _store(
        self,
        client: imaplib.IMAP4,
        named: str,
        uids: list[int],
        flags: Flags,
        *,
        is_on: bool,
        is_silent: bool,
    ) -> None:
        on, off = (flags, frozenset[str]()) if is_on else (frozenset[str](), flags)
        self._open = "store", uids, on, off
        item = ("+" if is_on else "-") + ("FLAGS.SILENT" if is_silent else "FLAGS")
        answer = client.uid("STORE", named, item, f"({' '.join(sorted(flags))})")
        well(answer)
        self._hear(client, answer[1])
        model = self._model or {}
        for uid in uids:
            model[uid] = model[uid] - off | on
        for uid in self._mirror:
            if uid in model:
                self._mirror[uid] = self._mirror[uid] - self._own | model[uid]
        self._made("store of a block and more" if len(uids) >= BLOCK else "store")

    def _copy(self, client: imaplib.IMAP4, uids: list[int]) -> None:
        self._open = "copy", uids, frozenset(), frozenset()
        client.response("COPYUID")
        answer = client.uid("COPY", f"{uids[0]}:{uids[-1]}", quoted(self._box))
        well(answer)
        self._hear(client, answer[1])  # what others have changed
        new = first_uid(client.response("COPYUID")[1])
        model = self._model or {}
        model |= {new + place: model[uid] for place, uid in enumerate(uids)}
        self._made("copy")

    def _expunge(self, client: imaplib.IMAP4, uids: list[int]) -> None:
        named = f"{uids[0]}:{uids[-1]}"
        self._store(
            client, named, uids, frozenset(("\\Deleted",)), is_on=True, is_silent=True
        )  # fmt: skip
        self._open = "expunge", uids, frozenset(), frozenset()
        answer = client.uid("EXPUNGE", named)
        well(answer)
        self._hear(client, answer[1])
        self._drop(uids)
        self._made("expunge")

    def _drop(self, uids: Iterable[int]) -> None:
        for uid in uids:
            if self._model is not None:
                self._model.pop(uid, None)
            self._mirror.pop(uid, None)

    def _made(self, kind: str) -> None:
        """The change is acknowledged."""
        self._open = None
        self.changes[kind] += 1

    def _fault(self, text: str) -> None:
        self.faults.append(f"{self._login}, {self._box}: {text}")


def _flags(lines: Iterable[bytes | None]) -> Known:
    """What FETCH responses say of flags; of the MODSEQ alone some are."""
    return dict(uid_and_flags(line) for line in lines if line and b"FLAGS (" in line)


def _vanished(client: imaplib.IMAP4) -> list[int]:
    lines = client.response("VANISHED")[1]
    return [uid for line in lines if line for uid in uids_of(line.rpartition(b" ")[2])]
