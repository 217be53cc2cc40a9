"""The state machine against a model of a few lines (threat S8)."""

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.states import State
from tests.listen.smtp.driver import Driver

SETTINGS = Settings(hostname="mx.test", auth="plain", hard_errors=10_000, soft_errors=10_000)


class Dialogue(RuleBasedStateMachine):
    """``stage``: none, ready, sender, recipients, chunks, failed."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(SETTINGS)
        self.driver.feed()  # the greeting
        self.stage = "none"
        self.is_esmtp = False
        self.is_known = False
        self.accepted = 0

    def say(self, line: str, *codes: int) -> None:
        said = self.driver.feed(line.encode() + b"\r\n")
        assert [int(one[:3]) for one in said.splitlines() if one[3:4] == b" "] == list(codes)

    @rule()
    def ehlo(self) -> None:
        self.say("EHLO c.test", 250)
        self.stage, self.is_esmtp = "ready", True

    @rule()
    def helo(self) -> None:
        self.say("HELO c.test", 250)
        self.stage, self.is_esmtp = "ready", False

    @rule()
    def mail(self) -> None:
        self.say("MAIL FROM:<a@b.test>", 250 if self.stage == "ready" else 503)
        if self.stage == "ready":
            self.stage = "sender"

    @rule()
    def refused_mail(self) -> None:
        self.say("MAIL FROM:<a@refused.test>", 550 if self.stage == "ready" else 503)

    @rule()
    def rcpt(self) -> None:
        is_legal = self.stage in {"sender", "recipients"}
        self.say("RCPT TO:<bob@local.test>", 250 if is_legal else 503)
        if is_legal:
            self.stage = "recipients"

    @rule()
    def unknown_rcpt(self) -> None:
        is_legal = self.stage in {"sender", "recipients"}
        self.say("RCPT TO:<nobody@local.test>", 550 if is_legal else 503)

    @rule()
    def data(self) -> None:
        if self.stage != "recipients":
            self.say("DATA", 503)
            return
        self.say("DATA", 354)
        self.say("NOOP\r\nQUIT\r\n.", 250)
        self.stage = "ready"
        self.accepted += 1

    @precondition(lambda self: self.is_esmtp)  # without EHLO a chunk is early talk
    @rule()
    def chunk(self) -> None:
        self.say("BDAT 4\r\nab", 250 if self.stage in {"recipients", "chunks"} else 503)
        if self.stage == "recipients":
            self.stage = "chunks"

    @precondition(lambda self: self.is_esmtp)
    @rule()
    def last_chunk(self) -> None:
        is_legal = self.stage in {"recipients", "chunks"}
        self.say("BDAT 2 LAST")
        self.say("", 250 if is_legal else 503)
        if is_legal:
            self.stage = "ready"
            self.accepted += 1

    @rule()
    def rset(self) -> None:
        self.say("RSET", 250)
        if self.stage != "none":
            self.stage = "ready"

    @rule()
    def neutral(self) -> None:
        self.say("NOOP", 250)
        self.say("HELP", 214)
        self.say("VRFY nobody", 550 if self.is_known else 252)
        self.say("EXPN nobody", 550 if self.is_known else 252)
        self.say("VERB", 250 if self.is_known else 502)
        self.say("NONSENSE", 500)
        self.say("MAIL nonsense", 501)

    @rule()
    def auth(self) -> None:
        line = "AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAd29uZGVyIGxhbmQ="
        is_legal = self.stage == "ready" and self.is_esmtp and not self.is_known
        self.say(line, 235 if is_legal else 503)
        self.is_known = self.is_known or is_legal

    @precondition(lambda self: self.stage == "ready" and self.is_esmtp and not self.is_known)
    @rule()
    def cancelled_auth(self) -> None:
        self.say("AUTH LOGIN", 334)
        self.say("*", 501)

    @invariant()
    def the_states_agree(self) -> None:
        names = {
            State.CONNECTED: "none",
            State.READY: "ready",
            State.SENDER: "sender",
            State.RECIPIENTS: "recipients",
            State.CHUNKS: "chunks",
        }
        assert names[self.driver.session.state] == self.stage
        assert len(self.driver.desk.messages) == self.accepted
        assert all(message.sender == "a@b.test" for message in self.driver.desk.messages)


TestDialogue = Dialogue.TestCase
TestDialogue.settings = settings(max_examples=60, stateful_step_count=12)
