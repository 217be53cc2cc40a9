"""Programs that read: curl, neomutt, imaplib, imapclient, poplib."""

import poplib
import ssl
import subprocess
from pathlib import Path

import imapclient  # type: ignore[import-untyped]

from interop.conftest import ALICE, BOB, PASSWORD, Mailbox, Run, deliver
from rig.ports import HOST
from rig.server import Server


def test_curl_reads_imap_and_pop3(server: Server, run: Run, alice: Mailbox) -> None:
    deliver(server, run, "for curl")
    assert alice.find("for curl")
    user = ("-u", f"{ALICE}:{PASSWORD}")
    imap = f"imap://{HOST}:{server.ports['imap']}/INBOX"
    found = run("curl", "-sS", *user, f"{imap}?SUBJECT%20%22for%20curl%22")
    number = found.split()[-1]
    assert "read me" in run("curl", "-sS", *user, f"{imap};MAILINDEX={number}")
    imaps = f"imaps://{HOST}:{server.ports['imaps']}/"
    assert "INBOX" in run("curl", "-sS", "-k", *user, imaps)
    pop3 = f"pop3://{HOST}:{server.ports['pop3']}/"
    last = run("curl", "-sS", *user, pop3).split("\n")[-2].split()[0]
    assert "read me" in run("curl", "-sS", *user, pop3 + last)
    pop3s = f"pop3s://{HOST}:{server.ports['pop3s']}/"
    assert run("curl", "-sS", "-k", *user, pop3s)


def test_neomutt_reads(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    deliver(server, run, "for neomutt")
    assert alice.find("for neomutt")
    settings = tmp_path / "muttrc"
    settings.write_text(
        f'set folder="imap://{ALICE}@{HOST}:{server.ports["imap"]}/"\nset spoolfile="+INBOX"\n'
        f'set imap_user="{ALICE}"\nset imap_pass="{PASSWORD}"\nset ssl_force_tls=no\n'
        "set ssl_starttls=no\nset delete=yes\nset wait_key=no\nset confirmappend=no\n"
        "push \"<limit>~s 'for neomutt'<enter><flag-message><sync-mailbox><quit>\"\n"
    )
    command = f"neomutt -n -F {settings}"
    subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300, check=True,
        env={"TERM": "xterm", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert b"\\Flagged" in alice.flags("for neomutt")


def test_imapclient(server: Server, run: Run, alice: Mailbox) -> None:
    deliver(server, run, "for imapclient")
    assert alice.find("for imapclient")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with imapclient.IMAPClient(HOST, server.ports["imaps"], ssl_context=context) as client:
        client.login(ALICE, PASSWORD)
        client.select_folder("INBOX")
        (uid,) = client.search(["SUBJECT", "for imapclient"])
        data = client.fetch(
            [uid], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE"]
        )
        assert data[uid][b"ENVELOPE"].subject == b"for imapclient"
        client.create_folder("Grüße/Übersicht")
        client.copy([uid], "Grüße/Übersicht")
        client.move([uid], "Trash")
        assert client.search(["UID", str(uid)]) == []
        assert ("Grüße/Übersicht") in [name for _, _, name in client.list_folders()]
        client.select_folder("Grüße/Übersicht")
        assert len(client.search("ALL")) == 1
        client.idle()
        deliver(server, run, "while idle")
        client.idle_done()


def test_idle_hears_of_a_new_letter(server: Server, run: Run) -> None:
    with imapclient.IMAPClient(HOST, server.ports["imap"], ssl=False) as client:
        client.login(ALICE, PASSWORD)
        before = client.select_folder("INBOX")[b"EXISTS"]
        client.idle()
        deliver(server, run, "wake up")
        heard: list[tuple[int, bytes]] = []
        while not heard:
            heard = client.idle_check(timeout=10)
            assert heard, "nothing was heard in 10 s"
        client.idle_done()
        assert (before + 1, b"EXISTS") in heard


def test_poplib_deletes_only_at_quit(server: Server, run: Run) -> None:
    deliver(server, run, "for poplib", to=BOB)

    def count() -> int:
        client = poplib.POP3(HOST, server.ports["pop3"], timeout=120)
        client.user(BOB)
        client.pass_(PASSWORD)
        number = client.stat()[0]
        client.quit()
        return number

    before = count()
    client = poplib.POP3(HOST, server.ports["pop3"], timeout=120)
    client.user(BOB)
    client.pass_(PASSWORD)
    client.dele(1)
    client.close()  # without QUIT
    assert count() == before
    client = poplib.POP3(HOST, server.ports["pop3"], timeout=120)
    client.user(BOB)
    client.pass_(PASSWORD)
    client.dele(1)
    client.quit()
    assert count() == before - 1
