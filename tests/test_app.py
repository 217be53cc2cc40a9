import asyncio
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from postroom.admin import accounts, bans, domains
from postroom.admin.office import Office
from postroom.app import App, serve
from postroom.config.model import Config, Listen, ListenProtocol, Log
from postroom.errors import Refused
from postroom.telemetry import sink
from rig.ports import free_port
from tests.directory.keys import quick

HOST = "127.0.0.1"
MAIL: tuple[ListenProtocol, ...] = (
    "smtp",
    "submission",
    "lmtp",
    "imap",
    "imaps",
    "pop3",
    "managesieve",
)


def config(data: Path, *protocols: ListenProtocol) -> Config:
    return Config(
        hostname="mail.demo.test",
        data=str(data),
        listen=tuple(Listen(protocol=one, address=HOST, port=0) for one in protocols),
        log=Log(console="none"),
    )


async def greeting(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


def test_every_door_answers_and_the_end_is_orderly(data: Path) -> None:
    said: dict[str, bytes] = {}

    async def ready(app: App, _office: Office) -> None:
        for protocol in ("smtp", "submission", "lmtp", "imap", "pop3", "managesieve"):
            said[protocol] = await greeting(app.ports[protocol])
        reader, writer = await asyncio.open_connection(HOST, app.ports["http"])
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said["http"] = await reader.read()
        writer.close()
        await writer.wait_closed()
        app.stop()

    serve(config(data, *MAIL, "http"), {}, ready)
    assert said["smtp"].startswith(b"220 mail.demo.test ")
    assert said["submission"].startswith(b"220 mail.demo.test ")
    assert said["lmtp"].startswith(b"220 mail.demo.test ")
    assert said["imap"].startswith(b"* OK ")
    assert said["pop3"].startswith(b"+OK ")
    assert said["managesieve"] == b'"IMPLEMENTATION" "Postroom"\r\n'
    assert said["http"].endswith(b"ok\n")
    assert sink.installed() is None
    assert b'"event":"server.stopping"' in (data / "log" / "postroom.jsonl").read_bytes()


async def fetched(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_its_threads_are_those_that_are_replaced_after_much_work(data: Path) -> None:
    names: list[str] = []

    async def ready(app: App, _office: Office) -> None:
        names.append(await asyncio.to_thread(lambda: threading.current_thread().name))
        app.stop()

    serve(config(data), {}, ready)
    assert [one[:5] for one in names] == ["pool_"]


def test_a_ban_of_the_postmaster_counts_at_once(data: Path) -> None:
    async def ready(app: App, office: Office) -> None:
        after = before = await fetched(app.ports["http"], "/metrics")
        await bans.add(office, "192.0.2.0/24", reason="abuse")
        assert b"\npostroom_bans 0\n" in before
        for _ in range(1_000):
            after = await fetched(app.ports["http"], "/metrics")
            if b"\npostroom_bans 1\n" in after:
                break
        assert b"\npostroom_bans 1\n" in after
        app.stop()

    serve(config(data, "smtp", "http"), {}, ready)


def test_sigterm_ends_it(data: Path) -> None:
    async def ready(_app: App, _office: Office) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    serve(config(data, "imap"), {}, ready)


def test_a_second_server_on_the_same_data_is_refused(data: Path) -> None:
    async def ready(app: App, _office: Office) -> None:
        with pytest.raises(Refused, match="already running"):
            await App(config(data, "imap"), {}).run()
        app.stop()

    serve(config(data, "imap"), {}, ready)


def test_a_port_that_is_taken_is_refused_with_the_next_action(data: Path) -> None:
    port = free_port()  # ours afterwards as well
    with socket.create_server((HOST, port)):
        settings = Config(
            hostname="mail.demo.test",
            data=str(data),
            listen=(Listen(protocol="imap", address=HOST, port=port),),
            log=Log(console="none"),
        )
        with pytest.raises(Refused, match="another program does"):
            serve(settings, {})
    serve(settings, {}, _stop_at_once)  # everything was closed: it starts now


async def _stop_at_once(app: App, _office: Office) -> None:
    app.stop()


def test_systemd_hears_of_it(data: Path) -> None:
    path = str(data / "notify")
    data.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        serve(config(data / "x", "imap"), {"NOTIFY_SOCKET": path}, _stop_at_once)
        assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"STOPPING=1"


def test_a_folder_that_is_not_there_is_made_for_its_owner_alone(data: Path) -> None:
    """With the log inside, whatever the mask of the process says."""
    serve(config(data / "new", "imap"), {}, _stop_at_once)
    for folder in (data / "new", data / "new" / "log"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_command_of_another_process_counts_at_once(data: Path) -> None:
    """What ``postroom domain add`` does while the server runs."""
    settings = config(data, "smtp")

    async def ready(app: App, _office: Office) -> None:
        assert b"550" in await _rcpt(app.ports["smtp"])
        from postroom.admin.open import open_office

        async with open_office(settings) as other:
            await domains.add(other, "demo.test", generate=quick)
            await accounts.add(other, "new@demo.test", password=None)
        assert b"250" in await _rcpt(app.ports["smtp"])
        app.stop()

    serve(settings, {}, ready)


async def _rcpt(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    said = await reader.readline()
    for command in (b"HELO x", b"MAIL FROM:<>", b"RCPT TO:<new@demo.test>"):
        writer.write(command + b"\r\n")
        said = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return said
