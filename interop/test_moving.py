"""Moving in from Dovecot, by IMAP and by its Maildir, and back: it reads what we export."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.conftest import ALICE, BOB
from rig.ports import HOST, free_port
from rig.server import Server

SETTINGS = """\
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
listen = {host}
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/mail
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
passdb {{
  driver = static
  args = password=dovecot-password
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/users/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
"""


@pytest.fixture
def dovecot() -> Iterator[tuple[Path, int]]:
    """Its folder and port."""
    program = shutil.which("dovecot")
    if program is None:
        pytest.fail("dovecot is missing: apt-get install dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="postroom-dovecot-"))
    folder.chmod(0o755)
    (folder / "run").mkdir()
    for name in ("carol", "dora"):
        (folder / "users" / name).mkdir(parents=True)
        shutil.chown(folder / "users" / name, "nobody", "nogroup")
    port = free_port()
    settings = folder / "dovecot.conf"
    settings.write_text(SETTINGS.format(folder=folder, host=HOST, port=port))
    process = subprocess.Popen([program, "-F", "-c", str(settings)])
    try:
        deadline = time.monotonic() + 120
        while not greets(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield folder, port
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def greets(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1) as probe:
        return probe.recv(4) == b"* OK"
    return False


def doveadm(folder: Path, *words: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["doveadm", "-c", str(folder / "dovecot.conf"), *words],
        input=stdin, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(folder: Path) -> None:
    doveadm(folder, "mailbox", "create", "-u", "carol", "Entw&APw-rfe.Alt", "Work")
    for number in range(50):
        letter = f"From: a@x.test\nSubject: letter {number}\n\n{'body ' * number}\n"
        doveadm(
            folder, "save", "-u", "carol", "-m", "Work" if number % 2 else "INBOX", stdin=letter
        )
    large = "Subject: large\n\n" + "a long line of text\n" * 50_000
    doveadm(folder, "save", "-u", "carol", "-m", "Sent", stdin=large)
    doveadm(
        folder, "flags", "add", "-u", "carol", "\\Seen $Work \\Flagged", "mailbox", "Work", "1:5"
    )


def listed(server: Server, account: str, tmp_path: Path) -> list[tuple[str, str, bytes]]:
    """Folder, flags and octets of every message, by what an export says."""
    target = tmp_path / f"export-{account}-{time.monotonic_ns()}"
    server.command("export", account, str(target))
    found = []
    for path in target.rglob("cur/*"):
        flags = "".join(sorted(path.name.partition(":2,")[2]))
        found.append((str(path.parent.parent.relative_to(target)), flags, path.read_bytes()))
    return sorted(found)


def test_mail_comes_from_dovecot_and_goes_back(
    server: Server, dovecot: tuple[Path, int], tmp_path: Path
) -> None:
    folder, port = dovecot
    fill(folder)
    before = set(listed(server, ALICE, tmp_path))
    said = server.command(
        "import", "imap", ALICE, "--host", HOST, "--port", str(port), "--tls", "none",
        "--user", "carol", "--password-stdin", stdin="dovecot-password\n",
    )  # fmt: skip
    assert '"filed":51' in said.splitlines()[-1]
    assert '"left_out_count":0' in said
    by_imap = [one for one in listed(server, ALICE, tmp_path) if one not in before]
    assert len(by_imap) == 51
    assert sum(flags.startswith("FS") for _, flags, _ in by_imap) == 5

    others = set(listed(server, BOB, tmp_path))
    copy = tmp_path / "copy"
    shutil.copytree(folder / "users" / "carol" / "mail", copy)
    server.command("import", "maildir", BOB, str(copy))
    by_files = [one for one in listed(server, BOB, tmp_path) if one not in others]
    assert [(place, octets) for place, _, octets in by_files] == [
        (place, octets) for place, _, octets in by_imap
    ]
    assert [flags for _, flags, _ in by_files] == [flags for _, flags, _ in by_imap]

    target = folder / "users" / "dora" / "mail"
    exported = tmp_path / "exported"
    server.command("export", ALICE, str(exported))
    shutil.copytree(exported, target)
    for path in (target, *target.rglob("*")):
        shutil.chown(path, "nobody", "nogroup")
    counted = doveadm(folder, "mailbox", "status", "-u", "dora", "-t", "messages", "*")
    assert f"messages={len(listed(server, ALICE, tmp_path))}" in counted
    flagged = doveadm(
        folder, "search", "-u", "dora", "mailbox", "Work", "flagged", "keyword", "$Work"
    )
    assert len(flagged.splitlines()) == 5
