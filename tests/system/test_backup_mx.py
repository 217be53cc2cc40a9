"""Two servers of one domain: the second keeps its mail while the first is away."""

import socket
from contextlib import ExitStack
from pathlib import Path

from rig.dns import DnsServer
from rig.ports import HOST
from rig.server import Server
from tests.system.names import Names
from tests.system.wire import Wire, running, until

DOMAIN = "first.test"
BOB = f"bob@{DOMAIN}"
ZONE = {
    (DOMAIN, "MX"): ["10 mx.first.test.", "20 mail.rig.test."],
    ("mx.first.test", "A"): ["127.0.0.1"],
    ("mail.rig.test", "A"): ["127.0.0.1"],
}
LETTER = b"From: <s@elsewhere.test>\r\nTo: <bob@first.test>\r\nSubject: kept\r\n\r\nfor later\r\n"


def test_what_the_first_server_missed_comes_from_the_second(tmp_path: Path) -> None:
    names = Names(DnsServer(ZONE))
    names.start()
    assert names.started.wait(60)
    first = Server(tmp_path / "first", doors=("smtp", "pop3"), hostname="mx.first.test")
    absent = ExitStack()  # nobody else takes its ports, and nobody listens there
    for port in first.ports.values():
        absent.enter_context(socket.socket()).bind((HOST, port))
    first.add_account(BOB, "canary-Bob-9Zw")
    settings = (
        f'[dns]\nservers = ["{names.server.address}"]\n'
        f'[delivery]\nport = {first.ports["smtp"]}\nallow_private = ["127.0.0.0/8"]\n'
    )
    try:
        with running(tmp_path / "second", settings=settings) as second:
            with Wire(second.ports["smtp"]).hello() as wire:
                wire.ask(b"MAIL FROM:<s@elsewhere.test>")
                assert wire.ask(b"RCPT TO:<bob@first.test>").startswith(b"550 5.7.1")
            second.command("domain", "add", DOMAIN, "--backup-mx")
            with Wire(second.ports["smtp"]).hello() as wire:
                assert wire.deliver(LETTER, BOB).startswith(b"250")
                assert wire.deliver(LETTER, f"nobody@{DOMAIN}").startswith(b"250")
                wire.ask(b"MAIL FROM:<s@elsewhere.test>")
                assert wire.ask(b"RCPT TO:<v@other.test>").startswith(b"550 5.7.1")
            until(lambda: any('"message.deferred"' in one for one in second.log), "it is tried")
            assert len(second.json("queue", "list")) == 2
            absent.close()
            first.start()
            assert second.stop() == 0
            second.start()  # it forgets which machines were down
            second.command("queue", "retry", "--all")
            until(lambda: not second.json("queue", "list"), "it leaves")
            log = second.log
        with Wire(first.ports["pop3"]) as wire:
            wire.pop3_login(BOB, "canary-Bob-9Zw")
            assert wire.ask(b"STAT").split()[1] == b"1"
            kept = wire.pop3_lines(b"RETR 1")
        assert kept.startswith(b"Return-Path: <s@elsewhere.test>\r\n")
        assert kept.endswith(LETTER)
        assert b"DKIM-Signature" not in kept
        assert any("message.bounced" in one and "5.1.1" in one for one in log)  # unknown there
    finally:
        absent.close()
        first.stop()
        names.end()
