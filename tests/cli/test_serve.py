import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from rig.ports import HOST, free_port
from rig.server import Server

from .browsing import Client


def test_it_serves_until_sigterm_and_starts_again_after_sigkill(data: Path) -> None:
    server = Server(data)
    server.add_account("alice@rig.test", "a-password-of-alice")
    server.start()
    server.kill()
    server.start()
    assert server.stop() == 0


def test_bad_settings_are_one_line_and_exit_1(data: Path) -> None:
    file = data / "postroom.toml"
    file.write_text('hostname = "x"\nhostnam = "y"\n')
    done = subprocess.run(
        [sys.executable, "-m", "postroom", "-c", str(file), "serve"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert "hostnam" in done.stderr
    assert done.stderr.count("\n") == 1


def console(server: Server, awaited: str) -> str:
    """What the server has shown, once ``awaited`` stands there."""
    end = time.monotonic() + 120
    while awaited not in (said := (server.folder / "server.log").read_text()):
        assert time.monotonic() < end, said
        time.sleep(0.01)
    return said


def test_on_an_empty_folder_it_is_set_up_in_the_browser_while_it_runs(data: Path) -> None:
    server = Server(data, doors=("smtp", "imap", "http"))
    with server:
        shown = console(server, "Or answer the same questions here")
        (url,) = re.findall(r"^  (http://\S+)$", shown, re.MULTILINE)
        base = f"http://{HOST}:{server.ports['http']}"
        client = Client(base)
        assert client.ask("/setup") == 404
        assert client.ask("/setup?key=x") == 404
        assert client.ask(url.removeprefix(base)) == 200
        assert client.ask("/setup", {"key": url.partition("key=")[2]}) == 200
        assert Client(base).ask(url.removeprefix(base)) == 404  # the key is used
        client.ask("/setup/place", {"domain": "rig.test"})
        fields = {"admin": "me@rig.test", "password": "a-Good-one-1", "again": "a-Good-one-1"}
        client.ask("/setup/people", fields)
        assert "The server runs." in client.page
        client.ask("/setup/letter", {"to": ""})
        assert "it lies in INBOX of me@rig.test" in client.page
        client.ask("/setup/finish", {})
        assert "The server goes on with what was set up." in client.page
        assert client.ask("/setup") == 404
        with urllib.request.urlopen(f"{base}/", timeout=120) as page:
            assert b"password" in page.read()
    told = [json.loads(line) for line in server.log]
    assert [one["address"] for one in told if one["event"] == "setup.offered"] == [url]
    with server:  # and it is not offered again
        assert Client(base).ask("/setup") == 404
    assert sum("setup.offered" in line for line in server.log) == 1


def test_who_gets_an_account_by_command_ends_the_offer(data: Path) -> None:
    server = Server(data, doors=("smtp", "http"))
    with server:
        url = re.findall(r"/setup[?]key=\S+", console(server, "the same questions"))[0]
        server.add_account("alice@rig.test", "a-password-of-alice")
        assert Client(f"http://{HOST}:{server.ports['http']}").ask(url) == 404


def test_without_web_it_tells_the_command(data: Path) -> None:
    with Server(data, doors=("smtp",)) as server:
        console(server, "postroom setup asks here")
        assert not any("setup.offered" in line for line in server.log)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "postroom", "-c", str(tmp_path / "a b.toml"), "serve"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"postroom -c '{tmp_path}/a b.toml' setup" in done.stderr


def test_a_second_server_is_refused_with_the_first_ones_name(data: Path) -> None:
    with Server(data) as server:
        second = data / "second.toml"
        second.write_text(
            f'hostname = "mail.rig.test"\ndata = "{server.data}"\n'
            f'[[listen]]\nprotocol = "smtp"\naddress = "{HOST}"\nport = {free_port()}\n'
        )
        done = subprocess.run(
            [sys.executable, "-m", "postroom", "-c", str(second), "serve"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"process {server.pid}" in done.stderr
