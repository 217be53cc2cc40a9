"""Mail is brought over from a server by IMAP: our own, with all its mail."""

from pathlib import Path

from rig.server import HOST
from tests.system.wire import ALICE, BOB, PASSWORDS, running

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
