"""Drives a ManageSieve session like a door would, with scripts in memory."""

from postroom.protocol.managesieve import commands, events
from postroom.protocol.managesieve.session import Offer, Session

OFFER = Offer(
    extensions=("fileinto", "enotify"), notify=("mailto",), max_script=2000, max_redirects=4
)


class Driver:
    """Answers like a door would. A script is good when it holds no "bad"."""

    def __init__(
        self,
        *,
        mechanisms: tuple[str, ...] = ("PLAIN",),
        tls: bool = False,
        then: tuple[str, ...] = ("PLAIN",),
    ) -> None:
        """``then``: the mechanisms on offer inside TLS."""
        self.then = then
        self.session = Session(OFFER, mechanisms=mechanisms, can_start_tls=tls)
        self.said = b""
        self.scripts: dict[str, bytes] = {}
        self.active = ""
        self.asked: list[events.Event] = []
        self.closed = False
        self.slow: list[int] = []

    def feed(self, octets: bytes) -> bytes:
        """What the session says to these octets."""
        before = len(self.said)
        self.session.receive(octets)
        while (event := self.session.next_event()) is not None:
            self.asked.append(event)
            self.answer(event)
            self.flush()
        self.flush()
        return self.said[before:]

    def flush(self) -> None:
        self.said += self.session.data_to_send()

    def log_in(self) -> None:
        answer = self.feed(b'AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="\r\n')
        assert answer.startswith(b"OK")

    def answer(self, event: events.Event) -> None:
        match event:
            case commands.Authenticate(_, None):
                self.session.challenge(b"")
            case commands.Authenticate(_, octets) | events.Response(octets):
                if octets == b"\0alice\0secret":
                    self.session.authenticated("alice@demo.test")
                else:
                    self.session.no("Authentication credentials invalid")
            case commands.Plain("STARTTLS"):
                self.session.secured(self.then)
            case commands.Plain("UNAUTHENTICATE"):
                self.session.unauthenticated()
            case commands.Plain("LISTSCRIPTS"):
                self.session.listed((name, name == self.active) for name in sorted(self.scripts))
            case events.Rejected(mistakes):
                self.slow.append(mistakes)
            case events.Quit():
                self.closed = True
            case _:
                self._script(event)

    def _script(self, event: events.Event) -> None:
        match event:
            case commands.PutScript(_, None) | commands.CheckScript(None):
                self.session.no("too large", b"QUOTA/MAXSIZE")
            case commands.PutScript(name, content) if content is not None:
                self.scripts[name] = content
                self.session.ok()
            case commands.CheckScript(content) if content is not None:
                if b"bad" in content:
                    self.session.no("line 1:\r\nbad")
                else:
                    self.session.ok()
            case commands.SetActive(name):
                self.active = name
                self.session.ok()
            case commands.GetScript(name):
                if name in self.scripts:
                    self.session.content(self.scripts[name])
                else:
                    self.session.no("there is none", b"NONEXISTENT")
            case commands.RenameScript(old, new):
                self.scripts[new] = self.scripts.pop(old)
                self.session.ok()
            case commands.DeleteScript(name):
                del self.scripts[name]
                self.session.ok()
            case _:
                self.session.ok()
