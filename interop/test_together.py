"""Two programs on one mailbox: at once, and one while the other is away."""

import imaplib
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imapclient  # type: ignore[import-untyped]
import pytest

from interop.conftest import ALICE, PASSWORD, Run
from rig.ports import HOST
from rig.server import Server


@pytest.fixture
def client(server: Server) -> Iterator[imapclient.IMAPClient]:
    with imapclient.IMAPClient(HOST, server.ports["imap"], ssl=False) as client:
        client.login(ALICE, PASSWORD)
        yield client


def fill(client: imapclient.IMAPClient, folder: str, count: int) -> None:
    client.create_folder(folder)
    for number in range(1, count + 1):
        client.append(folder, f"Subject: letter {number}\r\n\r\nread me\r\n")
    client.select_folder(folder)


def subjects(client: imapclient.IMAPClient) -> dict[bytes, tuple[bytes, ...]]:
    """The flags of the selected messages by their subjects."""
    found = client.fetch(client.search("ALL"), ["ENVELOPE", "FLAGS"])
    return {
        one[b"ENVELOPE"].subject: tuple(sorted(set(one[b"FLAGS"]) - {b"\\Recent"}))
        for one in found.values()
    }


def neomutt(server: Server, home: Path, folder: str, keys: str) -> None:
    """Open the folder with what is cached of it, press keys, and leave."""
    settings = home / "muttrc"
    settings.write_text(
        f'set folder="imap://{ALICE}@{HOST}:{server.ports["imap"]}/"\nset spoolfile="+{folder}"\n'
        f'set imap_user="{ALICE}"\nset imap_pass="{PASSWORD}"\nset ssl_force_tls=no\n'
        "set ssl_starttls=no\nset delete=yes\nset wait_key=no\nset sort=mailbox-order\nset mark_old=no\n"
        f'set imap_condstore=yes\nset imap_qresync=yes\nset header_cache="{home}/cache"\n'
        f'push "{keys}<sync-mailbox><quit>"\n'
    )
    subprocess.run(
        ["script", "-qec", f"neomutt -n -F {settings}", "/dev/null"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300, check=True,
        env={"TERM": "xterm", "HOME": str(home), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_neomutt_comes_back_with_its_cache(
    server: Server, client: imapclient.IMAPClient, tmp_path: Path
) -> None:
    fill(client, "Cached", 8)
    (tmp_path / "cache").mkdir()
    neomutt(server, tmp_path, "Cached", "<tag-pattern>~A<enter><tag-prefix><set-flag>!")
    assert set(subjects(client).values()) == {(b"\\Flagged",)}
    client.remove_flags([1, 4, 6, 8], [b"\\Flagged"])
    client.delete_messages([2, 3])
    client.expunge([2, 3])
    client.move([8], "Trash")
    client.append("Cached", "Subject: letter 9\r\n\r\nread me\r\n", flags=[b"\\Flagged"])
    neomutt(server, tmp_path, "Cached", "<delete-pattern>~F<enter>")
    assert sorted(subjects(client)) == [b"letter 1", b"letter 4", b"letter 6"]


def test_each_letter_is_claimed_once(server: Server, client: imapclient.IMAPClient) -> None:
    """Workers share a queue with conditional STORE (RFC 7162 §3.1.3)."""
    fill(client, "Queue", 30)
    begin = threading.Barrier(4)

    def work(_: int) -> list[str]:
        """The UIDs that this worker has claimed."""
        queue = imaplib.IMAP4(HOST, server.ports["imap"], timeout=120)
        queue.login(ALICE, PASSWORD)
        queue.select("Queue (CONDSTORE)")
        claimed: list[str] = []
        begin.wait(60)
        for number in range(1, 31):
            uid = str(number)
            found = queue.uid("FETCH", uid, "(MODSEQ FLAGS)")[1]
            # news of other letters may stand there, too
            said = next(one for one in found if b"UID %s " % uid.encode() in one)
            if b"$Claimed" in said:
                continue
            modseq = said.partition(b"MODSEQ (")[2].partition(b")")[0].decode()
            queue.response("MODIFIED")
            done = queue.uid(
                "STORE", uid, f"(UNCHANGEDSINCE {modseq})", "+FLAGS.SILENT", "($Claimed)"
            )
            assert done[0] == "OK"
            if queue.response("MODIFIED")[1] == [None]:
                claimed.append(uid)
        queue.logout()
        return claimed

    with ThreadPoolExecutor(4) as workers:
        claims = [uid for claimed in workers.map(work, range(4)) for uid in claimed]
    assert sorted(claims, key=int) == [str(number) for number in range(1, 31)]


def test_mbsync_while_others_work(
    server: Server, run: Run, client: imapclient.IMAPClient, tmp_path: Path
) -> None:
    fill(client, "Busy", 40)
    settings = tmp_path / "mbsyncrc"
    settings.write_text(
        f"IMAPAccount a\nHost {HOST}\nPort {server.ports['imap']}\nUser {ALICE}\n"
        f'Pass "{PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\n'
        f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {tmp_path}/mail/\n"
        f"Inbox {tmp_path}/mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns Busy\nCreate Near\nExpunge Both\n"
        "SyncState *\n"
    )
    (tmp_path / "mail").mkdir()
    sync = ("mbsync", "-c", str(settings), "c")
    with ThreadPoolExecutor(1) as aside:
        for number in range(1, 4):
            syncing = aside.submit(run, *sync, package="isync")
            for uid in range(number * 10, number * 10 + 5):
                client.add_flags([uid], [b"\\Answered"])
                client.append("Busy", f"Subject: more {uid}\r\n\r\nread me\r\n")
                client.move([uid + 5], "Trash")
            syncing.result()
    run(*sync)
    letters = [
        path for part in ("new", "cur") for path in (tmp_path / "mail/Busy" / part).iterdir()
    ]
    near = {
        next(line[9:] for line in path.read_bytes().splitlines() if line.startswith(b"Subject: ")):
        ("R" in path.name.partition(":2,")[2])
        for path in letters
    }  # fmt: skip
    far = {subject: b"\\Answered" in flags for subject, flags in subjects(client).items()}
    assert len(letters) == len(near) == len(far) == 40
    assert near == far
