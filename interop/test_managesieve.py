"""sieve-connect manages scripts, and what it uploads runs on the next message; so do rules."""

from pathlib import Path

import pytest

from interop.conftest import ALICE, BOB, PASSWORD, Mailbox, Run, deliver
from rig.ports import HOST
from rig.server import Server

SCRIPT = """require ["fileinto", "mailbox"];
if header :contains "subject" "urgent" {
    fileinto :create "Urgent";
}
"""


@pytest.fixture
def connect(server: Server, run: Run) -> Run:
    """sieve-connect as Alice, over STARTTLS."""

    def to_server(*command: str) -> str:
        return run(
            "sieve-connect", "-s", HOST, "-p", str(server.ports["managesieve"]), "-u", ALICE,
            "-m", "PLAIN", "--passwordfd", "0", "--notlsverify", *command,
            stdin=f"{PASSWORD}\n",
        )  # fmt: skip

    return to_server


def test_a_script_is_uploaded_listed_and_taken_back(
    server: Server, run: Run, connect: Run, alice: Mailbox, tmp_path: Path
) -> None:
    local = tmp_path / "own.sieve"
    local.write_text(SCRIPT)
    connect("--checkscript", "--localsieve", str(local))
    connect("--upload", "--localsieve", str(local), "--remotesieve", "own")
    connect("--activate", "--remotesieve", "own")
    assert '"own" ACTIVE' in connect("--list")
    deliver(server, run, "very urgent")
    assert alice.find("very urgent", "Urgent")
    back = tmp_path / "back.sieve"
    connect("--download", "--remotesieve", "own", "--localsieve", str(back))
    assert back.read_text().replace("\r\n", "\n") == SCRIPT
    connect("--deactivate")
    connect("--delete", "--remotesieve", "own")
    assert "own" not in connect("--list")
    deliver(server, run, "not so urgent")
    assert alice.find("not so urgent", "INBOX")


def test_rules_and_a_vacation_need_no_sieve(
    server: Server, run: Run, alice: Mailbox, bob: Mailbox
) -> None:
    server.command(
        "rule", "add", ALICE, "--if", "subject", "contains", "newsletter", "--move", "News",
        "--flag", "seen",
    )  # fmt: skip
    server.command("vacation", "set", ALICE, "--text", "Back in May.", "--subject", "I am away")
    deliver(server, run, "our newsletter")
    assert alice.find("our newsletter", "News")
    run(
        "swaks", "--server", f"{HOST}:{server.ports['submission']}", "--auth", "PLAIN",
        "--auth-user", BOB, "--auth-password", PASSWORD, "--from", BOB, "--to", ALICE,
        "--header", "Subject: are you there", "--body", "hello",
    )  # fmt: skip
    assert alice.find("are you there", "INBOX")
    (answer,) = bob.find("I am away", "INBOX")
    assert b"Back in May." in answer
    assert b"Auto-Submitted: auto-replied" in answer
    server.command("vacation", "off", ALICE)
    server.command("rule", "remove", ALICE, "1")
