"""What leaves: nothing that another server could cut differently, from any door (threat S2)."""

from collections.abc import Iterator

import pytest

from rig.ports import HOST
from rig.rawsink import RawSink
from rig.server import DOMAIN, Server
from tests.system.wire import ALICE, PASSWORDS, Wire, running, until

ENDINGS = [
    b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n\0.\r\n", b"\r\n.\n",
    b"\r\n.\r", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\n.\r\r\n", b"\r\n.\0\r\n", b"\r\n.\r\0\n",
    b"\x0b.\x0b", b"\xc2\x85.\xc2\x85", b"\xe2\x80\xa8.\xe2\x80\xa8",
]  # fmt: skip
FORGED = (
    b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<v@other.test>\r\nDATA\r\n"
    b"From: evil@x.test\r\n\r\nforged\r\n"
)


@pytest.fixture(scope="module")
def sink() -> Iterator[RawSink]:
    with RawSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sink: RawSink) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("outgoing")) as server:
        server.command(
            "relay", "add", "sink", "--host", HOST, "--port", str(sink.port), "--tls", "none",
            "--default",
        )  # fmt: skip
        yield server


def submit(server: Server, content: bytes, recipient: bytes = b"v@elsewhere.test") -> bytes:
    """The final reply to one letter of Alice's."""
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        assert wire.ask(b"MAIL FROM:<alice@rig.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<" + recipient + b">").startswith(b"250")
        assert wire.ask(b"DATA").startswith(b"354")
        return wire.ask(content + b"\r\n.")


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_letter_leaves_as_one_letter(server: Server, sink: RawSink, ending: bytes) -> None:
    head = b"From: <alice@rig.test>\r\nSubject: front\r\n\r\nhi"
    before = sink.letters
    answer = submit(server, head + ending + FORGED)
    if b"\0" in ending:
        assert answer.startswith(b"550 5.6.0")
        return
    assert answer.startswith(b"250")
    until(lambda: sink.letters > before, "it leaves")
    until(lambda: not server.json("queue", "list"), "it is settled")
    assert sink.letters == before + 1
    for stream in sink.streams:
        whole = bytes(stream)
        assert b"\0" not in whole
        assert whole.count(b"\n") == whole.count(b"\r") == whole.count(b"\r\n")
        ours = [
            line
            for line in whole.split(b"\r\n")
            if line.startswith((b"MAIL FROM:<alice@rig.test>", b"MAIL FROM:<SRS0="))
        ]
        assert whole.count(b"\r\n.\r\n") == len(ours)


def test_what_is_forwarded_for_a_stranger_is_refused_or_whole(
    server: Server, sink: RawSink
) -> None:
    server.command("alias", "add", f"onward@{DOMAIN}", "friend@elsewhere.test")
    before = sink.letters
    for ending in (b"\n.\n", b"\r\n.\n", b"\r.\r"):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.begin(f"onward@{DOMAIN}")
            body = b"From: s@x.test\r\n\r\nhi" + ending + FORGED
            assert wire.ask(body + b".").startswith(b"550 5.6.0")
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(b"From: s@x.test\r\n\r\n..dots\r\n", f"onward@{DOMAIN}")
    until(lambda: sink.letters > before, "it leaves")
    assert sink.letters == before + 1
    last = bytes(sink.streams[-1])
    assert b"MAIL FROM:<SRS0=" in last
    assert f"Delivered-To: onward@{DOMAIN}".encode() in last
