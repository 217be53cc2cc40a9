"""Rights, room, ports, certificates."""

import datetime as dt
import socket
from pathlib import Path

import msgspec
import pytest

from postroom.admin.doctor import machine
from postroom.admin.doctor.finding import Finding
from postroom.config.model import Config, Limits, Listen, Tls
from postroom.db.locks import ServeLock
from postroom.net.tls import self_signed


def config(folder: Path, **more: object) -> Config:
    return Config(hostname="mx.demo.test", data=str(folder), **more)  # type: ignore[arg-type]


def rights(data: Path, *, repair: bool) -> list[Finding]:
    """What is found, but that folders of tests are in memory."""
    found = machine.permissions(config(data), repair=repair)
    return [one for one in found if "is on tmpfs" not in one.reason]


def test_rights_are_seen_and_mended(data: Path) -> None:
    (data / "secrets").mkdir(mode=0o700)
    (data / "secrets" / "seal").touch(mode=0o600)
    (data / "postroom.sqlite").touch(mode=0o600)
    assert rights(data, repair=False) == []
    (data / "secrets" / "seal").chmod(0o644)
    data.chmod(0o755)
    found = rights(data, repair=False)
    assert [(one.subject, one.action) for one in found] == [
        (str(data), f"chmod 700 {data}"),
        (str(data / "secrets" / "seal"), f"chmod 600 {data / 'secrets' / 'seal'}"),
    ]
    assert all(one.is_mended for one in rights(data, repair=True))
    assert rights(data, repair=True) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    (found,) = machine.permissions(config(tmp_path / "none"), repair=True)
    assert (found.level, found.reason) == ("warning", "there is no data folder yet")


def test_room_is_compared_with_the_reserve(data: Path) -> None:
    settings = config(data)
    levels = []
    for reserve in (1, 1 << 60):
        limits = msgspec.structs.replace(Limits(), disk_reserve=reserve)
        changed = msgspec.structs.replace(settings, limits=limits)
        levels.append([one.level for one in machine.disk(changed) if "MiB" in one.reason])
    assert levels == [[], ["error"]]


def test_ports_of_a_server_that_runs_or_not(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = Listen(protocol="smtp", address="127.0.0.1", port=port)
        settings = config(data, listen=(listen,))
        stopped, other = machine.ports(settings)
        assert (stopped.level, stopped.reason) == ("warning", "it does not run")
        assert other.level == "error"
        assert other.reason.startswith("taken by ")
        with ServeLock(data):
            assert list(machine.ports(settings)) == []
    with ServeLock(data):
        (silent,) = machine.ports(settings)
        assert silent.reason == "the server runs, and nobody listens there"


@pytest.mark.parametrize(
    ("days", "levels"), [(0, []), (85, []), (360, ["warning"]), (40_000, ["error"])]
)
def test_certificates_expire(data: Path, days: int, levels: list[str]) -> None:
    made = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    self_signed("mx.demo.test", data / "tls", made)
    path = data / "tls" / "self-signed.pem"
    from cryptography import x509

    end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    now = {0: made, 85: end - dt.timedelta(days=20), 360: end - dt.timedelta(days=3)}.get(
        days, end + dt.timedelta(days=1)
    )
    assert [one.level for one in machine.certificates(config(data), now)] == levels


def test_a_certificate_that_can_not_be_read_is_said(data: Path) -> None:
    assert list(machine.certificates(config(data), machine.moment(0))) == []
    (data / "tls").mkdir()
    (data / "tls" / "self-signed.pem").write_text("nonsense")
    (found,) = machine.certificates(config(data), machine.moment(0))
    assert "can't be read" in found.reason
    given = config(data, tls=Tls(certificate="/none.pem", key="x"))
    assert list(machine.certificates(given, machine.moment(0))) == []
