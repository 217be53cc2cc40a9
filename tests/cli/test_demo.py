import imaplib
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from click.testing import CliRunner

from postroom.cli.demo import HOST, as_toml, configuration, free_ports, tour
from postroom.cli.main import postroom
from postroom.config.load import load
from postroom.config.model import STANDARD_PORTS
from rig.ports import free_port


def an_offset() -> int:
    """One whose first port is free and among ours."""
    return free_port() - STANDARD_PORTS["smtp"]


def test_ports_are_the_standard_ones_plus_the_offset_or_the_next_free_one() -> None:
    offset = an_offset()
    with socket.create_server((HOST, STANDARD_PORTS["smtp"] + offset)):
        ports = free_ports(offset)
    assert ports["smtp"] > STANDARD_PORTS["smtp"] + offset
    assert len(set(ports.values())) == len(ports)
    assert set(ports) == set(STANDARD_PORTS)


def test_the_file_it_writes_says_what_it_runs_with(data: Path) -> None:
    folder = data / 'with "quotes" and \\'
    folder.mkdir()
    config = configuration(folder, free_ports(an_offset()))
    file = folder / "postroom.toml"
    file.write_text(as_toml(config))
    assert load(file) == config


def test_only_loopback_is_listened_on(data: Path) -> None:
    assert all(one.is_loopback for one in configuration(data, free_ports(an_offset())).listen)


def test_the_tour_names_every_port_and_all_passwords(data: Path) -> None:
    ports = {str(name): port for name, port in free_ports(an_offset()).items()}
    passwords = {
        "alice@demo.test": "pw-a",
        "bob@demo.test": "pw-b",
        "outbound@demo.test": "pw-o",
    }
    text = tour(ports, passwords, data / "f", keeps=True)
    for name in (
        "smtp",
        "submission",
        "submissions",
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "lmtp",
        "managesieve",
    ):
        assert str(ports[name]) in text
    assert "pw-a" in text
    assert "pw-b" in text
    assert "pw-o" in text


def test_an_offset_beyond_all_ports_is_wrong_usage() -> None:
    result = CliRunner().invoke(postroom, ["demo", "--offset", "60001"])
    assert result.exit_code == 2


def password(said: str, address: str) -> str:
    """What the tour says it is."""
    return said.partition(f"{address} ")[2].partition("password ")[2].split()[0]


def port(said: str, protocol: str) -> int:
    return int(said.partition(protocol)[2].partition("STARTTLS")[0].split()[-1])


def send(said: str, recipient: str) -> None:
    """As Bob, over submission."""
    with smtplib.SMTP("127.0.0.1", port(said, "send, SMTP"), timeout=120) as client:
        client.login("bob@demo.test", password(said, "bob@demo.test"))
        letter = f"From: bob@demo.test\r\nTo: {recipient}\r\nSubject: far\r\n\r\nhello\r\n"
        assert client.sendmail("bob@demo.test", [recipient], letter.encode()) == {}


def outbound(said: str) -> str:
    """The one letter that was captured."""
    with imaplib.IMAP4("127.0.0.1", port(said, "read, IMAP"), timeout=120) as client:
        client.login("outbound@demo.test", password(said, "outbound@demo.test"))
        end = time.monotonic() + 120
        found: list[bytes] = []
        while not found:
            assert time.monotonic() < end
            client.select("INBOX")
            found = client.search(None, "ALL")[1][0].split()
        _, items = client.fetch("1", "(BODY.PEEK[])")
        return next(item[1].decode() for item in items if isinstance(item, tuple))


def test_the_whole_demo_in_a_process_of_its_own(data: Path) -> None:
    """Starts, shows the tour with six letters waiting, and ends on Ctrl-C without a trace."""
    folder = data / "kept"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "postroom",
            "demo",
            "--data",
            str(folder),
            "--offset",
            str(an_offset()),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(60, process.kill)
    guard.start()
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    send(said, "friend@elsewhere.test")
    captured = outbound(said)
    listed = subprocess.run(
        [sys.executable, "-m", "postroom", "-c", str(folder / "postroom.toml"), "account", "list"],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    process.send_signal(2)
    _, errors = process.communicate()
    guard.cancel()
    assert process.returncode == 0, errors
    assert errors == ""
    assert "bob@demo.test" in captured
    assert "friend@elsewhere.test" in captured
    assert "bob@demo.test" in listed.stdout


_LATE = frozenset(
    # what most servers never need, and what they need when somebody comes
    {
        *("asyncpg", "psycopg", "ldap3", "joserfc", "fido2", "acme", "josepy", "requests"),
        *("difflib", "email.message", "html", "http", "urllib.request", "xml", "xmlrpc", "zipfile"),
        *("dns", "h11", "httptools", "jinja2", "rich", "selectolax", "starlette", "uvicorn"),
        *("postroom.admin.moving", "postroom.admin.fetch_visit", "postroom.intake.milters"),
        *("postroom.policy.filters", "postroom.policy.received_reports", "postroom.web"),
    }
)
_TELLING = """
import runpy, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: print(*sys.modules, flush=True))
runpy.run_module("postroom", run_name="__main__", alter_sys=True)
"""
BUDGET = 80_000_000  # octets at rest


def resident(pid: int) -> int:
    """Octets of memory that the process occupies."""
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) * 1024


def test_at_rest_it_has_in_memory_what_is_needed_and_within_its_budget(data: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _TELLING, "demo", f"--data={data}", f"--offset={an_offset()}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(120, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said = process.stdout.readline() or "Ctrl-C"
        end = time.monotonic() + 60
        while resident(process.pid) >= BUDGET:  # passwords are being hashed
            assert time.monotonic() < end, resident(process.pid)
        process.send_signal(signal.SIGUSR1)
        modules = set()
        while "postroom.app" not in modules:
            modules = set(process.stdout.readline().split(" "))
        assert modules & _LATE == set()
        assert "postroom.listen.smtp.door" in modules
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
        guard.cancel()
    assert process.returncode == 0
