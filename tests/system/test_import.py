"""Mail is brought over from a server by IMAP: our own, with all its mail."""

import time
from pathlib import Path

from rig.ports import HOST
from tests.system.wire import ALICE, BOB, PASSWORDS, PATIENCE, running

FROM = "From a@x.test Thu Nov 26 02:36:09 2026\n"


def test_mail_of_one_account_is_brought_to_another(tmp_path: Path) -> None:
    mbox = tmp_path / "letters.mbox"
    letters = [f"Subject: {number}\nStatus: RO\n\n{'x' * number}\n" for number in range(300)]
    letters.append("Subject: large\n\n" + "long line\n" * 200_000)
    mbox.write_text("".join(f"{FROM}{letter}\n" for letter in letters))
    with running(tmp_path / "server") as server:
        server.command("import", "mbox", ALICE, str(mbox), "--folder", "Work/Plans & more")
        order = (
            "import", "imap", BOB, "--host", HOST, "--port", str(server.ports["imap"]),
            "--tls", "starttls", "--any-certificate", "--user", ALICE, "--password-stdin",
        )  # fmt: skip
        said = server.command(*order, "--json", stdin=PASSWORDS[ALICE] + "\n").splitlines()[-1]
        assert '"filed":301' in said
        again = server.command(*order, "--json", stdin=PASSWORDS[ALICE] + "\n").splitlines()[-1]
        assert '"filed":0' in again
        assert '"known":301' in again
        kept = []
        for address in (ALICE, BOB):
            folder = tmp_path / address
            server.command("export", address, str(folder))
            files = sorted((folder / ".Work.Plans &- more" / "cur").iterdir())
            kept.append([(one.read_bytes(), one.stat().st_mtime, one.name[-1]) for one in files])
        assert len(kept[0]) == 301
        assert sorted(kept[0]) == sorted(kept[1])


def test_mail_of_one_account_is_fetched_for_another(tmp_path: Path) -> None:
    mbox = tmp_path / "letters.mbox"
    mbox.write_text("".join(f"{FROM}Subject: {number}\n\nhello\n\n" for number in range(5)))
    with running(tmp_path / "server") as server:
        server.command("import", "mbox", ALICE, str(mbox), "--folder", "INBOX")
        for protocol, more in (("pop3", ("--delete",)), ("imap", ("--to", "From Alice"))):
            server.command(
                "fetch", "add", BOB, "--protocol", protocol, "--host", HOST, "--port",
                str(server.ports[protocol]), "--tls", "starttls", "--any-certificate",
                "--user", ALICE, "--password-stdin", *more, stdin=PASSWORDS[ALICE] + "\n",
            )  # fmt: skip
            deadline = time.monotonic() + PATIENCE
            while server.json("fetch", "list")[-1]["last"] is None:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        pop3, imap = server.json("fetch", "list")
        assert (pop3["fetched"], pop3["problem"]) == (5, "")
        assert (imap["fetched"], imap["problem"]) == (0, "")
        assert server.json("account", "show", BOB)["messages"] == 5
        assert server.json("account", "show", ALICE)["messages"] == 0
