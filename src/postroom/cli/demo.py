"""``postroom demo``: a whole server on loopback in a few seconds, without set-up."""

import contextlib
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from postroom.config.authentication import Authentication
from postroom.config.delivery import Delivery
from postroom.config.model import STANDARD_PORTS, Config, Dns, Limits, Listen, ListenProtocol, Log
from postroom.config.toml import string

HOST: Final = "127.0.0.1"
_IN_CLEAR: Final = frozenset({"submission", "imap", "pop3", "managesieve"})
_TRIES: Final = 200  # ports tried above the one that is taken


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this folder. Default: a folder that is removed at the end.",
)
@click.option(
    "--offset",
    default=1000,
    show_default=True,
    type=click.IntRange(0, 60_000),
    help="Added to the standard ports; the next free one is taken when a port is not.",
)
def demo(data: Path | None, offset: int) -> None:
    """Try everything on this machine: domain demo.test, alice and bob, six letters.

    Listens on loopback only. Nothing can leave the machine: mail to other domains goes to
    the mailbox outbound@demo.test. Ctrl-C ends it.
    """
    with _folder(data) as folder:
        ports = free_ports(offset)
        config = configuration(folder, ports)
        file = folder / "postroom.toml"
        file.write_text(as_toml(config))

        from postroom import app
        from postroom.admin.demo import open_house
        from postroom.admin.office import Office

        async def ready(server: app.App, office: Office) -> None:
            passwords = await open_house(office, HOST, server.ports["smtp"])
            print(tour(server.ports, passwords, file, keeps=data is not None), flush=True)

        app.serve(config, os.environ, ready)


def free_ports(offset: int) -> dict[ListenProtocol, int]:
    """Standard port + offset for each protocol, or the next one that is free."""
    ports: dict[ListenProtocol, int] = {}
    for protocol, standard in STANDARD_PORTS.items():
        wanted = standard + offset
        for port in range(wanted, wanted + _TRIES):
            if port not in ports.values() and _is_free(port):
                ports[protocol] = port
                break
        else:
            raise click.ClickException(
                f"no free port from {wanted} to {wanted + _TRIES - 1}: give another --offset"
            )
    return ports


def configuration(folder: Path, ports: dict[ListenProtocol, int]) -> Config:
    """What the demo runs with. Passwords in clear are taken too: nobody listens on loopback."""
    return Config(
        hostname="mail.demo.test",
        data=str(folder / "data"),
        listen=tuple(
            Listen(
                protocol=protocol,
                address=HOST,
                port=port,
                auth="plain" if protocol in _IN_CLEAR else None,
            )
            for protocol, port in ports.items()
        ),
        limits=Limits(disk_reserve=16 * 1024 * 1024),
        authentication=Authentication(verify=False),  # nothing leaves, no question either
        dns=Dns(public_addresses=(HOST,)),
        delivery=Delivery(capture=True),
        log=Log(console="none"),
    )


def as_toml(config: Config) -> str:
    """The file that lets other commands find the demo: ``postroom -c FILE ..``."""
    lines = [
        "# Made by postroom demo.",
        f'hostname = "{config.hostname}"',
        f"data = {string(config.data)}",
    ]
    for listen in config.listen:
        lines += [
            "[[listen]]",
            f'protocol = "{listen.protocol}"',
            f'address = "{listen.address}"',
            f"port = {listen.port}",
            f'auth = "{listen.auth}"',
        ]
    lines += ["[limits]", f"disk_reserve = {config.limits.disk_reserve}"]
    lines += ["[dns]", f'public_addresses = ["{HOST}"]']
    lines += ["[delivery]", f"capture = {str(config.delivery.capture).lower()}"]
    lines += ["[authentication]", f"verify = {str(config.authentication.verify).lower()}"]
    lines += ["[log]", f'console = "{config.log.console}"']
    return "\n".join(lines) + "\n"


def tour(ports: dict[str, int], passwords: dict[str, str], file: Path, *, keeps: bool) -> str:
    """What stands on the screen: settings, and lines to copy."""
    alice, bob, outbound = [passwords[f"{one}@demo.test"] for one in ("alice", "bob", "outbound")]
    program = shlex.join([sys.executable, "-m", "postroom", "-c", str(file)])
    certificate = file.parent / "data/tls/self-signed.pem"
    kept = str(file.parent) if keeps else f"{file.parent} (removed at the end)"
    return f"""
Postroom is running. It listens on this machine only; nothing can leave it.

  alice@demo.test     password {alice}
  bob@demo.test       password {bob}
  outbound@demo.test  password {outbound}    (what is sent to other domains)

  your mail program        server {HOST}, user name = whole address; it asks once about the
                           certificate, which is self-signed: {certificate}
    read, IMAP             port {ports["imaps"]} TLS, or {ports["imap"]} STARTTLS
    read, POP3             port {ports["pop3s"]} TLS, or {ports["pop3"]} STARTTLS
    send, SMTP             port {ports["submissions"]} TLS, or {ports["submission"]} STARTTLS
    filters, ManageSieve   port {ports["managesieve"]} STARTTLS
  from other servers       SMTP port {ports["smtp"]}, LMTP port {ports["lmtp"]}
  in a browser             http://{HOST}:{ports["http"]}/ (mail of each; alice is an administrator)
  health                   http://{HOST}:{ports["http"]}/healthz and /metrics
  everything is in         {kept}

Lines to copy into another terminal (swaks is a package of that name):

  swaks --server {HOST}:{ports["smtp"]} --to alice@demo.test --from you@elsewhere.test
  swaks --server {HOST}:{ports["submission"]} --tls --auth PLAIN --auth-user bob@demo.test \\
        --auth-password {bob} --from bob@demo.test --to alice@demo.test,friend@elsewhere.test
  curl -k -u alice@demo.test:{alice} 'imaps://{HOST}:{ports["imaps"]}/INBOX;MAILINDEX=*'
  curl -u alice@demo.test:{alice} pop3://{HOST}:{ports["pop3"]}/
  openssl s_client -quiet -crlf -starttls smtp -connect {HOST}:{ports["submission"]}

  postroom() {{ {program} "$@"; }}
  postroom account list
  postroom trace alice@demo.test

Ctrl-C ends it.
"""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield data.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        yield Path(folder)
