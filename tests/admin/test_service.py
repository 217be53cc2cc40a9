import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from postroom.admin.service import install, units, unreadable
from postroom.config.backup import Backup
from postroom.config.model import Config, Listen
from postroom.errors import Refused
from tests import absent

CONFIG = Config(hostname="mx.demo.test", data="/var/lib/postroom")
FILE = Path("/etc/postroom/postroom.toml")


def test_every_port_is_opened_by_systemd_on_the_address_that_is_set() -> None:
    config = Config(
        hostname="mx.demo.test",
        listen=(
            Listen(protocol="smtp", port=25),
            Listen(protocol="imaps", port=993, address="192.0.2.1"),
            Listen(protocol="imap", port=143, address="2001:db8::1"),
            Listen(protocol="http", port=1080, address="localhost"),
            Listen(protocol="pop3", port=0),
        ),
    )
    made = units(config, FILE)
    told = [line for line in made.socket.splitlines() if line.startswith("ListenStream=")]
    assert told == [
        "ListenStream=[::]:25",
        "ListenStream=0.0.0.0:25",
        "ListenStream=192.0.2.1:993",
        "ListenStream=[2001:db8::1]:143",
        "ListenStream=127.0.0.1:1080",
    ]
    assert "ListenStream=0.0.0.0:587" in units(CONFIG, FILE).socket


def test_paths_with_blanks_and_signs_stay_one_word() -> None:
    made = units(CONFIG, Path("/etc/my mail/100%.toml"), python="/opt/v/bin/python")
    assert 'ExecStart=/opt/v/bin/python -m postroom -c "/etc/my mail/100%%.toml" serve' in (
        made.service
    )
    assert "ProtectHome=yes" in made.service
    assert "ProtectHome=read-only" in units(CONFIG, FILE, python="/home/me/v/bin/python").service


def test_the_folder_of_backups_may_be_written() -> None:
    assert "ReadWritePaths=/var/lib/postroom\n" in units(CONFIG, FILE).service
    kept = Config(hostname="mx.demo.test", data="/srv/my mail", backup=Backup(path="/mnt/a disk/b"))
    line = 'ReadWritePaths="/srv/my mail" "-/mnt/a disk/b"\n'
    assert line in units(kept, FILE).service


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        absent.missing("systemd-analyze (units are not verified)", "apt-get install systemd")
        return
    kept = Config(hostname="mx.demo.test", data="/srv/my mail", backup=Backup(path="/mnt/a disk/b"))
    made = units(kept, FILE, python="/bin/true")
    (tmp_path / "postroom.service").write_text(made.service)
    (tmp_path / "postroom.socket").write_text(made.socket)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "postroom.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "postroom" in line] == []


def test_only_root_may_install(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--print"):
        install(CONFIG, FILE, tmp_path, is_root=False)
    assert list(tmp_path.iterdir()) == []


def test_what_the_user_of_the_service_may_not_read_is_named() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # whose parents are open to everybody
        home = Path(name)
        file = home / "postroom.toml"
        file.write_text("")
        file.chmod(0o644)
        assert unreadable(file, Path("/var/lib/postroom")) == home
        assert unreadable(file, home) is None  # the data folder becomes the user's own
        home.chmod(0o755)
        assert unreadable(file, Path("/var/lib/postroom")) is None
        file.chmod(0o600)
        assert unreadable(file, Path("/var/lib/postroom")) == file
