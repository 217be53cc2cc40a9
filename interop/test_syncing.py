"""Programs that keep a copy: mbsync, offlineimap, fetchmail, getmail."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from interop.conftest import ALICE, BOB, PASSWORD, Mailbox, Run, deliver
from rig.ports import HOST
from rig.server import Server


def letters(folder: Path) -> list[Path]:
    """The files of a Maildir."""
    return [path for part in ("new", "cur") for path in (folder / part).iterdir()]


def test_mbsync_both_ways(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    deliver(server, run, "for mbsync")
    assert alice.find("for mbsync")
    settings = tmp_path / "mbsyncrc"
    settings.write_text(
        f"IMAPAccount a\nHost {HOST}\nPort {server.ports['imap']}\nUser {ALICE}\n"
        f'Pass "{PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\n'
        "IMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\n"
        "SubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    (tmp_path / "mail").mkdir()
    sync = ("mbsync", "-c", str(settings), "c")
    run(*sync, package="isync")
    inbox = tmp_path / "mail" / "INBOX"
    (mine,) = [path for path in letters(inbox) if "for mbsync" in path.read_text(errors="replace")]
    flagged = inbox / "cur" / (mine.name.partition(":")[0] + ":2,FS")
    mine.rename(flagged)
    (inbox / "new" / "1.rig.test").write_text("Subject: from mbsync\n\nnew here\n")
    run(*sync)
    flags = alice.flags("for mbsync")
    assert b"\\Flagged" in flags
    assert b"\\Seen" in flags
    (letter,) = alice.find("from mbsync")
    assert b"new here\r\n" in letter
    flagged.unlink()
    run(*sync)
    assert not alice.has("for mbsync")


def test_offlineimap_both_ways(server: Server, run: Run, alice: Mailbox, tmp_path: Path) -> None:
    deliver(server, run, "for offlineimap")
    assert alice.find("for offlineimap")
    settings = tmp_path / "offlineimaprc"
    settings.write_text(
        f"[general]\naccounts = a\nmetadata = {tmp_path}/meta\n\n"
        "[Account a]\nlocalrepository = near\nremoterepository = far\n\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {tmp_path}/mail\n\n"
        f"[Repository far]\ntype = IMAP\nremotehost = {HOST}\nremoteport = "
        f"{server.ports['imap']}\nremoteuser = {ALICE}\nremotepass = {PASSWORD}\n"
        "ssl = no\nstarttls = no\nauth_mechanisms = PLAIN\n"
    )
    (tmp_path / "mail").mkdir()
    sync = ("offlineimap", "-c", str(settings), "-o", "-u", "quiet")
    run(*sync, package="offlineimap3")
    inbox = tmp_path / "mail" / "INBOX"
    (mine,) = [one for one in letters(inbox) if "for offlineimap" in one.read_text("latin-1")]
    flagged = inbox / "cur" / (mine.name.partition(":")[0] + ":2,FS")
    mine.rename(flagged)
    (inbox / "new" / "1.rig.test").write_text("Subject: from offlineimap\n\nnew here\n")
    run(*sync)
    assert b"\\Flagged" in alice.flags("for offlineimap")
    (letter,) = alice.find("from offlineimap")
    assert letter.endswith(b"new here\r\n")
    flagged.unlink()
    run(*sync)
    assert not alice.has("for offlineimap")


def test_fetchmail(server: Server, run: Run, bob: Mailbox, tmp_path: Path) -> None:
    deliver(server, run, "for fetchmail", to=BOB)
    assert bob.find("for fetchmail")
    settings = tmp_path / "fetchmailrc"
    settings.write_text(
        f"poll {HOST} service {server.ports['pop3']} protocol pop3 uidl\n"
        f'user "{BOB}" password "{PASSWORD}" sslproto "" keep\n'
        f'mda "cat >> {tmp_path}/got"\n'
    )
    settings.chmod(0o600)
    run("fetchmail", "-f", str(settings), "--pidfile", str(tmp_path / "pid"))
    assert "for fetchmail" in (tmp_path / "got").read_text(errors="replace")


@pytest.mark.parametrize("kind", ["pop3", "imap"])
def test_getmail(server: Server, run: Run, bob: Mailbox, tmp_path: Path, kind: str) -> None:
    subject = f"for getmail by {kind}"
    deliver(server, run, subject, to=BOB)
    assert bob.find(subject)
    retriever = {"pop3": "SimplePOP3Retriever", "imap": "SimpleIMAPRetriever"}[kind]
    (tmp_path / "getmailrc").write_text(
        f"[retriever]\ntype = {retriever}\nserver = {HOST}\nport = {server.ports[kind]}\n"
        f"username = {BOB}\npassword = {PASSWORD}\n\n"
        "[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
        f'arguments = ("-c", "cat >> {tmp_path}/got; echo END >> {tmp_path}/got")\n\n'
        "[options]\nread_all = false\ndelete = false\nverbose = 0\n"
    )
    got = tmp_path / "got"

    def fetch() -> str:
        """Run it; what it has handed over so far.

        getmail 6.18 waits for ever when its delivering child ends too soon (a race between its
        own threads): it is asked again then.
        """
        before = got.read_text("latin-1") if got.exists() else ""
        for _ in range(4):
            with contextlib.suppress(subprocess.TimeoutExpired):
                run("getmail", "--getmaildir", str(tmp_path), package="getmail6", seconds=15)
                break
            got.write_text(before, "latin-1")
        return got.read_text("latin-1")

    first = fetch()
    assert first.count(subject) == 1
    assert fetch() == first  # nothing is fetched twice
