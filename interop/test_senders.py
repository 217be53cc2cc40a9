"""Programs that send: swaks, curl, msmtp, neomutt, smtp-source, Python's smtplib."""

import shutil
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from pathlib import Path

from interop.conftest import ALICE, BOB, PASSWORD, Mailbox, Run
from rig.ports import HOST
from rig.server import Server


def at(server: Server, door: str) -> str:
    return f"{HOST}:{server.ports[door]}"


def test_swaks_plain(server: Server, run: Run, alice: Mailbox) -> None:
    run(
        "swaks", "--server", at(server, "smtp"), "--to", ALICE, "--from", "c@elsewhere.test",
        "--header", "Subject: swaks plain", "--body", "one\n.two\n..three\n",
    )  # fmt: skip
    (letter,) = alice.find("swaks plain")
    assert b"\r\n.two\r\n..three\r\n" in letter
    assert letter.startswith(b"Return-Path: <c@elsewhere.test>\r\n")


def test_swaks_lmtp(server: Server, run: Run, alice: Mailbox, bob: Mailbox) -> None:
    run(
        "swaks", "--protocol", "LMTP", "--server", at(server, "lmtp"),
        "--to", f"{ALICE},{BOB}", "--from", "c@elsewhere.test", "--header", "Subject: swaks lmtp",
    )  # fmt: skip
    assert len(alice.find("swaks lmtp")) == len(bob.find("swaks lmtp")) == 1


def test_swaks_tls_and_auth(server: Server, run: Run, alice: Mailbox) -> None:
    for mechanism in ("PLAIN", "LOGIN"):
        said = run(
            "swaks", "--server", at(server, "submission"), "--tls", "--auth", mechanism,
            "--auth-user", BOB, "--auth-password", PASSWORD, "--to", ALICE, "--from", BOB,
            "--header", f"Subject: swaks auth {mechanism}",
        )  # fmt: skip
        assert "TLS started" in said
        (letter,) = alice.find(f"swaks auth {mechanism}")
        assert b"with ESMTPSA" in letter


def test_swaks_implicit_tls(server: Server, run: Run, alice: Mailbox) -> None:
    run(
        "swaks", "--server", at(server, "submissions"), "--tlsc", "--auth", "PLAIN",
        "--auth-user", BOB, "--auth-password", PASSWORD, "--to", ALICE, "--from", BOB,
        "--header", "Subject: swaks implicit",
    )  # fmt: skip
    assert len(alice.find("swaks implicit")) == 1


def test_swaks_pipelined_with_a_big_attachment(
    server: Server, run: Run, alice: Mailbox, tmp_path: Path
) -> None:
    attachment = tmp_path / "big.bin"
    attachment.write_bytes(bytes(range(256)) * 40_000)  # 10 MB, 14 MB in base64
    run(
        "swaks", "--server", at(server, "smtp"), "--pipeline", "--to", ALICE,
        "--from", "c@elsewhere.test", "--header", "Subject: swaks big",
        "--attach-type", "application/octet-stream", "--attach", f"@{attachment}",
    )  # fmt: skip
    (letter,) = alice.find("swaks big")
    assert len(letter) > 13_000_000


def test_swaks_is_refused_to_relay(server: Server) -> None:
    done = subprocess.run(
        [
            shutil.which("swaks") or "swaks", "--server", at(server, "smtp"),
            "--to", "someone@other.test", "--from", ALICE, "--quit-after", "RCPT",
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "550 5.7.1" in done.stdout


def test_curl_sends(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("From: c@elsewhere.test\r\nSubject: curl sends\r\n\r\nhello\r\n")
    run(
        "curl", "-sS", f"smtp://{at(server, 'smtp')}", "--mail-from", "c@elsewhere.test",
        "--mail-rcpt", ALICE, "-T", str(letter),
    )  # fmt: skip
    letter.write_text(f"From: {BOB}\r\nSubject: curl sends\r\n\r\nhello\r\n")
    run(
        "curl", "-sS", "-k", f"smtps://{at(server, 'submissions')}", "--mail-from", BOB,
        "--mail-rcpt", ALICE, "-u", f"{BOB}:{PASSWORD}", "-T", str(letter),
    )  # fmt: skip
    assert len(alice.find("curl sends")) == 2


def test_curl_speaks_scram(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text(f"From: {BOB}\r\nSubject: curl scram\r\n\r\nhello\r\n")
    run(
        "msmtp", "--host=127.0.0.1", f"--port={server.ports['submission']}", "--tls=on",
        "--tls-starttls=on", "--tls-certcheck=off", "--auth=scram-sha-256", f"--user={BOB}",
        f"--passwordeval=echo {PASSWORD}", f"--from={BOB}", ALICE,
        stdin=letter.read_text(),
    )  # fmt: skip
    assert len(alice.find("curl scram")) == 1


def test_msmtp(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"account default\nhost {HOST}\nport {server.ports['submission']}\ntls on\n"
        f"tls_certcheck off\nauth on\nuser {BOB}\npassword {PASSWORD}\nfrom {BOB}\n"
    )
    settings.chmod(0o600)
    run(
        "msmtp", "-C", str(settings), ALICE,
        stdin=f"From: {BOB}\nTo: {ALICE}\nSubject: msmtp sends\n\nhello\n",
    )  # fmt: skip
    assert len(alice.find("msmtp sends")) == 1


def test_neomutt_sends(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    settings = tmp_path / "muttrc"
    settings.write_text(
        f'set smtp_url="smtp://{BOB}@{HOST}:{server.ports["submission"]}/"\n'
        f'set smtp_pass="{PASSWORD}"\nset from="{BOB}"\nset ssl_force_tls=no\n'
        "set ssl_starttls=no\nset copy=no\nset smtp_authenticators=plain\n"
    )
    attachment = tmp_path / "note.txt"
    attachment.write_text("attached\n")
    run(
        "neomutt", "-n", "-F", str(settings), "-s", "neomutt sends", "-a", str(attachment), "--",
        ALICE, stdin="hello from neomutt\n",
    )  # fmt: skip
    (letter,) = alice.find("neomutt sends")
    assert b"hello from neomutt" in letter
    assert b'filename="note.txt"' in letter


def test_smtp_source_with_50_sessions(server: Server, run: Run, bob: Mailbox) -> None:
    command = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    run(
        command, "-s", "50", "-m", "500", "-l", "4096", "-f", "a@load.test", "-t", BOB,
        "-S", "smtp-source load", at(server, "smtp"), package="postfix",
    )  # fmt: skip
    assert len(bob.find("smtp-source load")) == 500


def test_smtplib(server: Server, alice: Mailbox) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = BOB, ALICE, "smtplib sends"
    letter.set_content("grüße\n")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP(HOST, server.ports["submission"], timeout=120) as client:
        client.starttls(context=context)
        client.login(BOB, PASSWORD)
        client.send_message(letter)
        assert client.docmd("VRFY", ALICE)[0] == 250
        assert client.docmd("VERB")[0] == 250
    assert len(alice.find("smtplib sends")) == 1
