"""Somebody whose mail program never rests: appends, copies, moves, flags, expunges, over IMAP.

Each command is one change of a model. When its answer does not come, the server has made all of
it or nothing; the next session looks which, and holds every mailbox against the model: once as
FETCH tells it, once as QRESYNC brings up to date what was known at the last look.
"""

import contextlib
import imaplib
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rig.answers import Unexpected, first_uid, quoted, uid_and_flags, uids_of, well
from rig.load import check, letter
from rig.ports import HOST
from rig.server import Server

Message = tuple[str, frozenset[str]]  # the token of the letter, its flags
State = dict[int, Message]  # by UID

MOST: Final = 200  # messages of a mailbox; above, more is expunged
_FLAGS: Final = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Rig")
_KINDS: Final = ("copy", "move", "store", "expunge")
_BY_FETCH: Final = "(FLAGS BODY.PEEK[HEADER.FIELDS (X-RIG)])"


@dataclass(frozen=True)
class Change:
    """What a command does: to ``uids`` of ``box``, and what comes into ``target``."""

    box: str
    uids: tuple[int, ...]
    flags: frozenset[str] = frozenset()
    target: str = ""
    fresh: tuple[Message, ...] = ()
    leaves: bool = False

    @property
    def boxes(self) -> set[str]:
        """Where something changes."""
        return {one for one in (self.box, self.target) if one}

    def applied(self, before: Mapping[str, State], first: int) -> dict[str, State]:
        """The mailboxes afterwards; copies have UIDs from ``first`` on."""
        after = {name: dict(before[name]) for name in self.boxes}
        coming = list(self.fresh)
        for uid in self.uids:
            token, flags = before[self.box][uid]
            after[self.box][uid] = token, flags | self.flags
            if self.target:
                coming.append((token, flags))
            if self.leaves:
                del after[self.box][uid]
        if self.target:
            after[self.target] |= {first + place: one for place, one in enumerate(coming)}
        return after


class Shuffler(threading.Thread):
    """Works in these mailboxes, which are there and nobody else changes, until ``stop``."""

    def __init__(
        self, server: Server, login: str, password: str, boxes: Sequence[str], seed: int
    ) -> None:
        """``seed`` makes its choices those of another run."""
        super().__init__(daemon=True)
        self.faults: list[str] = []
        self.changes: Counter[str] = Counter()
        self._server = server
        self._login, self._password = login, password
        self._chance = random.Random(seed)
        self._model: dict[str, State] = {name: {} for name in boxes}
        self._marks: dict[str, tuple[int, int, State]] = {}
        self._open: Change | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End; the model is what it left then, but for one change whose answer is missing."""
        self._stopped.set()
        self.join(60)

    def run(self) -> None:
        """Begin again whenever the server has died."""
        while not self._stopped.is_set() and not self.faults:
            try:
                self.look()
                with self._session() as client:
                    while not self._stopped.is_set():
                        self._change(client)
            except (OSError, imaplib.IMAP4.abort):
                time.sleep(0.02)
            except (imaplib.IMAP4.error, Unexpected) as error:
                self.faults.append(f"{self._login}: {error!r}")

    def look(self, *, whole: bool = False) -> None:
        """Hold every mailbox against the model; ``whole``: each octet of each letter, too."""
        with self._session() as client:
            client.enable("QRESYNC")
            found = {name: self._found(client, name) for name in self._model}
            if self._open is not None:
                self._decide(self._open, found)
                self._open = None
            for name, state in found.items():
                if state != self._model[name]:
                    told = sorted(set(state.items()) ^ set(self._model[name].items()))[:4]
                    self.faults.append(f"{self._login}, {name} is not as it was left: {told}")
                self._bring_up_to_date(client, name, state)
                if whole:
                    self._read(client, name, state)

    @contextlib.contextmanager
    def _session(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4(HOST, self._server.ports["imap"], timeout=60) as client:
            client.login(self._login, self._password)
            yield client

    def _decide(self, change: Change, found: Mapping[str, State]) -> None:
        """Whether all of it was made; else the model is left as it is."""
        new = set(found[change.target]) - set(self._model[change.target]) if change.target else {0}
        after = change.applied(self._model, min(new, default=0))
        if all(found[name] == state for name, state in after.items()):
            self._model |= after

    def _change(self, client: imaplib.IMAP4) -> None:
        """One change, or two that belong together."""
        chance, model = self._chance, self._model
        box = chance.choice(list(model))
        state = model[box]
        if not state or (chance.random() < 0.1 and len(state) < MOST):
            self._append(client, box)
            return
        well(client.select(quoted(box)))
        uids = tuple(sorted(chance.sample(sorted(state), min(len(state), chance.randint(1, 25)))))
        named = ",".join(map(str, uids))
        kind = chance.choice(_KINDS) if len(state) <= MOST else "expunge"
        if kind in {"copy", "move"}:
            target = chance.choice([name for name in model if name != box or kind == "copy"])
            self._open = Change(box, uids, target=target, leaves=kind == "move")
            client.response("COPYUID")
            well(client.uid(kind.upper(), named, quoted(target)))
            self._made(kind, first_uid(client.response("COPYUID")[1]))
            return
        flag = "\\Deleted" if kind == "expunge" else chance.choice(_FLAGS)
        self._open = Change(box, uids, flags=frozenset((flag,)))
        well(client.uid("STORE", named, "+FLAGS.SILENT", f"({flag})"))
        self._made("store", 0)
        if kind == "expunge":
            self._open = Change(box, uids, leaves=True)
            well(client.uid("EXPUNGE", named))
            self._made(kind, 0)

    def _append(self, client: imaplib.IMAP4, box: str) -> None:
        token = uuid.uuid4().hex
        octets = letter(token, self._chance.choice((300, 4_000, 30_000)))
        self._open = Change("", (), target=box, fresh=((token, frozenset()),))
        answer = client.append(quoted(box), "", "", octets)
        well(answer)
        self._made("append", first_uid(answer[1]))

    def _made(self, kind: str, first: int) -> None:
        """The change is acknowledged."""
        if self._open is not None:
            self._model |= self._open.applied(self._model, first)
        self._open = None
        self.changes[kind] += 1

    def _found(self, client: imaplib.IMAP4, name: str) -> State:
        well(client.select(quoted(name), readonly=True))
        client.response("FETCH")
        answer, items = client.uid("FETCH", "1:*", _BY_FETCH)
        well((answer, items))
        state: State = {}
        for item in items:
            if isinstance(item, tuple):
                uid, flags = uid_and_flags(item[0])
                state[uid] = item[1].split()[1].decode(), flags
        return state

    def _bring_up_to_date(self, client: imaplib.IMAP4, name: str, state: State) -> None:
        """What was known of it at the last look, changed as QRESYNC says, is what is there now."""
        if name in self._marks:
            uidvalidity, modseq, known = self._marks[name]
            flags = {uid: one[1] for uid, one in known.items()}
            client.response("FETCH")
            client.response("VANISHED")
            well(client.xatom("SELECT", quoted(name), f"(QRESYNC ({uidvalidity} {modseq}))"))
            client.state = "SELECTED"
            for line in client.response("VANISHED")[1] or ():
                for uid in uids_of(line.rpartition(b" ")[2]) if line else ():
                    flags.pop(uid, None)
            for line in client.response("FETCH")[1] or ():
                if line:
                    uid, now = uid_and_flags(line)
                    flags[uid] = now
            if flags != {uid: one[1] for uid, one in state.items()}:
                self.faults.append(f"{self._login}, {name}: QRESYNC since {modseq} tells else")
        answer, said = client.status(quoted(name), "(UIDVALIDITY HIGHESTMODSEQ)")
        well((answer, said))
        numbers = [int(one) for one in re.findall(rb"[A-Z] (\d+)", said[0])]
        self._marks[name] = numbers[0], numbers[1], state

    def _read(self, client: imaplib.IMAP4, name: str, state: State) -> None:
        well(client.select(quoted(name), readonly=True))
        client.response("FETCH")
        answer, items = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        well((answer, items))
        found = [check(item[1]) for item in items if isinstance(item, tuple)]
        if found != [token for _, (token, _) in sorted(state.items())]:
            self.faults.append(f"{self._login}, {name}: letters are not whole")
