"""Mail that leaves: to Postfix and smtp-sink, by MX from nsd, and through relays."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import dkim  # type: ignore[import-untyped]
import pytest
import trustme

from interop.conftest import PASSWORD, Mailbox
from rig.nsd import Nsd
from rig.peers import PostfixVirtualPeer
from rig.ports import HOST, free_port
from rig.server import DOMAIN, Server

CAROL: Final = f"carol@{DOMAIN}"
PATIENCE: Final = 60.0
HISTORIC: Final = {
    "att-worldnet": "mailhost.att.net",
    "att-global": "smtp1.attglobal.net",
    "charter-classic": "smtp.charter.net",
    "earthlink-classic": "mail.earthlink.net",
    "frii": "mail.frii.com",
    "msn-classic": "smtp.email.msn.com",
    "netcom": "smtp.ix.netcom.com",
    "qwest": "pop.dnvr.qwest.net",
}
ZONES: Final = {
    "peer.test": "@ IN MX 10 mail.peer.test.\nmail IN A 127.0.0.1\n",
    "two.test": "@ IN MX 5 dead.two.test.\n@ IN MX 10 mail.peer.test.\ndead IN A 127.0.0.9\n",
    "null.test": "@ IN MX 0 .\n",
    "net": "".join(
        f"{host}. IN A 127.0.0.1\n" for host in HISTORIC.values() if host.endswith(".net")
    ),
    "com": "".join(
        f"{host}. IN A 127.0.0.1\n" for host in HISTORIC.values() if host.endswith(".com")
    ),
}


class Peer(PostfixVirtualPeer):
    """A Postfix that takes mail for every domain and files it in one Maildir."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        folder.mkdir(mode=0o755)
        super().__init__(
            folder,
            more="myhostname = mail.peer.test\nvirtual_mailbox_domains = static:all\n"
            f"smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {certificate}\n"
            "smtpd_tls_security_level = may\nsmtpd_tls_received_header = yes\n",
        )
        self._mail = folder / "mail" / "b" / "new"

    def letters(self) -> list[bytes]:
        found = sorted(self._mail.iterdir()) if self._mail.exists() else []
        return [path.read_bytes() for path in found]

    def find(self, subject: str) -> list[bytes]:
        """The letters with this subject, as soon as there is one."""
        wanted = f"Subject: {subject}\n".encode()

        def found() -> list[bytes]:
            return [one for one in self.letters() if wanted in one]

        until(lambda: bool(found()), f"{subject} arrives")
        return found()


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="postroom-outgoing-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def peer(folder: Path, authority: trustme.CA) -> Iterator[Peer]:
    certificate = folder / "peer.pem"
    authority.issue_cert("mail.peer.test").private_key_and_cert_chain_pem.write_to_path(certificate)
    peer = Peer(folder / "postfix", certificate)
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture(scope="module")
def sender(folder: Path, peer: Peer, authority: trustme.CA) -> Iterator[Server]:
    """A Postroom whose port 25 is Postfix's, and whose DNS is nsd."""
    authorities = folder / "ca.pem"
    authority.cert_pem.write_to_path(authorities)
    with Nsd(folder / "nsd", ZONES) as names:
        server = Server(
            folder / "sender",
            doors=("smtp", "submission", "imap"),
            settings=f'[dns]\nservers = ["{names.address}"]\n[delivery]\nport = {peer.port}\n'
            f'allow_private = ["127.0.0.0/8"]\nca_file = "{authorities}"\n',
        )
        server.add_account(CAROL, PASSWORD)
        with server:
            yield server


def submit(server: Server, subject: str, *recipients: str, body: str = "Hello\n.dot\n") -> None:
    done = subprocess.run(
        [
            "swaks", "--server", f"{HOST}:{server.ports['submission']}", "--auth", "PLAIN",
            "--auth-user", CAROL, "--auth-password", PASSWORD, "--from", CAROL,
            "--to", ",".join(recipients), "--header", f"Subject: {subject}", "--body", body,
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def bounced(server: Server, about: str) -> bytes:
    """The notice in Carol's mailbox."""
    mailbox = Mailbox(server, CAROL)
    try:
        found: list[bytes] = []

        def is_there() -> bool:
            found[:] = mailbox.find(f"Undelivered: {about}")
            return bool(found)

        until(is_there, f"a notice about {about}")
        return found[0]
    finally:
        mailbox.close()


def test_by_mx_to_postfix_signed_and_encrypted(sender: Server, peer: Peer) -> None:
    submit(sender, "by mx", "a@peer.test")
    (letter,) = peer.find("by mx")
    assert b"\n.dot\n" in letter
    assert b"using TLSv1.3" in letter
    keys = {
        key["name"].encode().rstrip(b".") + b".": key["value"].encode()
        for key in sender.json("dkim", "show", DOMAIN)
    }

    def answer(name: bytes, **_timeout: int) -> bytes | None:
        return keys.get(name)

    signed = letter[letter.index(b"DKIM-Signature:") :].replace(b"\n", b"\r\n")
    verifier = dkim.DKIM(signed)
    for number in (0, 1):
        assert verifier.verify(idx=number, dnsfunc=answer)
    assert sender.json("queue", "list") == []


def test_the_next_mx_when_the_first_is_dead(sender: Server, peer: Peer) -> None:
    submit(sender, "next mx", "a@two.test")
    assert len(peer.find("next mx")) == 1


def test_recipients_of_two_domains_with_the_same_servers_share_a_transaction(
    sender: Server, peer: Peer
) -> None:
    submit(sender, "shared", "a@peer.test", "b@peer.test", "c@peer.test")
    until(lambda: len(peer.find("shared")) == 3, "three copies")
    assert (
        len({letter.partition(b"with ESMTPS id ")[2][:10] for letter in peer.find("shared")}) == 1
    )


def test_a_null_mx_and_a_domain_that_is_not_there_come_back(sender: Server) -> None:
    submit(sender, "nowhere", "a@null.test")
    notice = bounced(sender, "nowhere")
    assert b"5.1.10" in notice
    assert b"Content-Type: multipart/report" in notice
    submit(sender, "nothing", "a@missing.peer.test")
    assert b"5.1.2" in bounced(sender, "nothing")


def test_a_verified_connection_and_one_that_can_not_be(sender: Server, peer: Peer) -> None:
    sender.command("tls", "set", "peer.test", "verify")
    submit(sender, "verified", "a@peer.test")
    (letter,) = peer.find("verified")
    assert b"using TLSv1" in letter
    sender.command("tls", "set", "two.test", "verify")
    submit(sender, "verified too", "a@two.test")  # mail.peer.test has the right name there too
    assert len(peer.find("verified too")) == 1
    sender.command("tls", "remove", "peer.test")
    sender.command("tls", "remove", "two.test")


def test_each_of_the_historic_providers_by_name(sender: Server, peer: Peer) -> None:
    for preset, host in HISTORIC.items():
        domain = f"{preset}.through.test"
        sender.command(
            "relay", "add", preset, "--preset", preset, "--port", str(peer.port),
            "--recipient-domain", domain,
        )  # fmt: skip
        assert sender.json("relay", "show", preset)["host"] == host
        submit(sender, f"through {preset}", f"somebody@{domain}")
        (letter,) = peer.find(f"through {preset}")
        assert letter
        story = sender.command("trace", f"somebody@{domain}")
        assert host in story
        sender.command("relay", "remove", preset)


class Sink:
    """smtp-sink with a fault, on a port of its own."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="postroom-sink-"))
        self._folder.chmod(0o777)
        self._process = subprocess.Popen(
            [
                shutil.which("smtp-sink") or "/usr/sbin/smtp-sink", "-u", "nobody", *options,
                "-d", f"{self._folder}/%M.", f"{HOST}:{self.port}", "100",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def letters(self) -> list[bytes]:
        return [path.read_bytes() for path in self._folder.iterdir()]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        shutil.rmtree(self._folder)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("refused for now", ("-r", "RCPT")),
        ("greeted with a no", ("-r", "CONNECT")),
        ("cut off at the data", ("-q", "DATA")),
        ("cut off at the dot", ("-q", ".")),
        ("sender refused for now", ("-r", "MAIL")),
    ],
)
def test_what_fails_for_now_waits_and_arrives_once_it_is_over(
    sender: Server, fault: str, options: tuple[str, ...]
) -> None:
    broken = Sink(*options)
    name = f"sink{broken.port}"
    recipient = f"v@{name}.test"
    try:
        sender.command(
            "relay", "add", name, "--host", HOST, "--port", str(broken.port), "--tls", "none",
            "--recipient-domain", f"{name}.test",
        )  # fmt: skip
        submit(sender, fault, recipient)
        until(lambda: "deferred" in sender.command("trace", recipient), "it is deferred")
        (queued,) = sender.json("queue", "list")
        assert queued["recipients"][0]["attempts"] == 1
        if options[1] != ".":  # there the sink has all of it, and does not say so
            assert not [one for one in broken.letters() if b"\nHello\n" in one]
    finally:
        broken.stop()
    good = Sink()
    try:
        sender.command("relay", "set", name, "--port", str(good.port))
        until(lambda: retried(sender, queued["id"]), "it leaves")
        until(lambda: len(good.letters()) == 1, "it arrives")
        assert f"Subject: {fault}\n".encode() in good.letters()[0]
    finally:
        good.stop()
    sender.command("relay", "remove", name)


def retried(server: Server, queue_id: str) -> bool:
    waiting = server.json("queue", "list")
    if waiting:
        server.command("queue", "retry", queue_id)
    return not waiting


def test_what_is_refused_for_good_comes_back_with_the_words_of_the_server(sender: Server) -> None:
    broken = Sink("-f", "RCPT", "-B", "550 5.7.1 Not from you, thank you")
    sender.command(
        "relay", "add", "unfriendly", "--host", HOST, "--port", str(broken.port), "--tls", "none",
        "--recipient-domain", "unfriendly.test",
    )  # fmt: skip
    try:
        submit(sender, "unwelcome", "v@unfriendly.test")
        notice = bounced(sender, "unwelcome")
        assert b"Not from you, thank you" in notice
        assert b"Status: 5.7.1" in notice
        assert b"Return-Path: <>\r\n" in notice
        assert sender.json("queue", "list") == []
    finally:
        broken.stop()
        sender.command("relay", "remove", "unfriendly")


def test_through_another_postroom_with_a_password(sender: Server, peer: Peer, folder: Path) -> None:
    provider = Server(
        folder / "provider",
        doors=("smtp", "submissions", "submission"),
        hostname="mail.provider.test",
        settings=f'[delivery]\nport = {peer.port}\nallow_private = ["127.0.0.0/8"]',
    )
    provider.command("domain", "add", "provider.test")
    provider.command(
        "account", "add", "us@provider.test", "--password-stdin", stdin="provider-Password-1\n"
    )
    provider.command("account", "send-as", "us@provider.test", "--add", CAROL)
    provider.command(
        "relay", "add", "on", "--host", HOST, "--port", str(peer.port), "--tls", "none", "--default"
    )
    with provider:
        for tls, door in (("implicit", "submissions"), ("starttls", "submission")):
            sender.command(
                "relay", "add", f"provider-{tls}", "--host", HOST,
                "--port", str(provider.ports[door]), "--tls", tls, "--no-verify",
                "--user", "us@provider.test", "--password-stdin", "--recipient-domain", "far.test",
                stdin="provider-Password-1\n",
            )  # fmt: skip
            sender.command("relay", "test", f"provider-{tls}")
            submit(sender, f"provider {tls}", "v@far.test")
            (letter,) = peer.find(f"provider {tls}")
            assert b"with ESMTPSA" in letter
            sender.command("relay", "remove", f"provider-{tls}")
