"""``postroom test-letter`` beside a server that runs, and one that does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rig.ports import HOST
from rig.rawsink import RawSink
from rig.server import Server

ME = "me@rig.test"


def test_a_message_comes_in_and_one_goes_out(tmp_path: Path) -> None:
    with RawSink() as sink:
        server = Server(tmp_path)
        server.add_account(ME, "a-Good-one-1", "--admin")
        server.command(
            "relay", "add", "sink", "--host", HOST, "--port", str(sink.port), "--tls", "none",
            "--default",
        )  # fmt: skip
        with pytest.raises(RuntimeError):
            server.command("test-letter")
        with server:
            came, went = server.json("test-letter", "--to", "you@other.test")
            said = server.command("test-letter")
    assert (came["state"], went["state"]) == ("arrived", "delivered")
    assert came["words"] == "it lies in INBOX of me@rig.test"
    assert said == "ok    mail in   it lies in INBOX of me@rig.test\n"
    assert any(b"DKIM-Signature" in bytes(stream) for stream in sink.streams)


def test_without_a_server_the_remedy_is_told_and_the_status_is_one(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.add_account(ME, "a-Good-one-1", "--admin")
    done = subprocess.run(
        [sys.executable, "-m", "postroom", "-c", str(server.config), "test-letter", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (came,) = json.loads(done.stdout)
    assert came["action"].startswith("start the server")
