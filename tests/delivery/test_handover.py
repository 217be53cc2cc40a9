"""What server and delivery process say to each other."""

import msgspec
import pytest

from postroom.config.model import Config
from postroom.delivery.finisher import Finished
from postroom.delivery.handover import (
    Beat,
    Begin,
    Concluded,
    End,
    Frames,
    Hint,
    Noted,
    Opened,
    Passed,
    Said,
    Through,
    Trouble,
    encode,
)
from postroom.ledger.rows import Fact
from postroom.queue.rows import Outgoing, Queued
from postroom.queue.settling import Outcome, Settled

PASSED = Passed(
    Queued(1 << 62, 2, b"a@home.test", 3, 4, ret="HDRS", envid=b"e", smtputf8=True),
    (Outgoing(1 << 62, 0, "ü@b.test".encode(), "b.test", lease=9, notify="NEVER"),),
    bytes(32),
    b"Subject: x\r\n\r\n",
    b"\0\xff\r\n.\r\n",
)
FINISHED = Finished(
    Settled(1 << 62, (Outcome(0, 9, "b.test", "done"),)),
    (Fact(1 << 62, 7, 1 << 42, "delivered", "ü@b.test", detail="250 ok"),),
)
ALL: list[Said] = [
    Begin(Config(hostname="mx.home.test", database="postgresql://x", trusted=("10.0.0.0/8",))),
    PASSED,
    Hint((0, 1 << 62)),
    Noted(3, "ValueError()"),
    End(2.5),
    Opened(77, 1),
    Concluded(3, (FINISHED, FINISHED)),
    Through(3, 4_000),
    Trouble("b.test", 1 << 42),
    Beat(5, {"message.delivered": 2}),
]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_frames_come_out_as_they_went_in_however_they_are_cut(step: int) -> None:
    octets = b"".join(map(encode, ALL))
    frames = Frames()
    heard: list[Said] = []
    for at in range(0, len(octets), step):
        heard += frames.feed(octets[at : at + step])
    assert heard == ALL


def test_the_size_of_a_message_is_that_of_its_body() -> None:
    assert PASSED.octets == 7


def test_an_envelope_that_could_end_a_command_is_refused() -> None:
    damaged = encode(PASSED).replace(b"a@home.test", b"a\r\nome.test")
    with pytest.raises(msgspec.DecodeError):
        list(Frames().feed(damaged))
