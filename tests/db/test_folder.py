"""The data folder: private, local, ours."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from postroom.db.folder import DATABASE, doubt, filesystem, prepare, sync
from postroom.errors import Refused
from tests import absent

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:30 / /srv rw,relatime - nfs4 server:/srv rw,vers=4.2
31 30 0:31 / /srv/local\\040disk rw - xfs /dev/vdb rw
32 27 0:32 / /run rw - tmpfs tmpfs rw,size=1k
33 27 0:33 / /mnt/c rw - 9p drvfs rw,dirsync,aname=drvfs;path=C:
34 27 0:34 / /twice rw - ext4 /dev/vdc rw
35 27 0:35 / /twice rw - cifs //server/share rw
broken line
"""

AS_OWNER = """
import os, sys
from pathlib import Path
import apsw, pwd
from postroom.db.folder import prepare
import postroom.db.open
path = prepare(Path(sys.argv[1]), print)
(path / "made").touch()
print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups() != [0])
try:
    os.setuid(0)
except PermissionError:
    print("for good")
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", "ext4"),
        ("/srv", "nfs4"),
        ("/srv/mail", "nfs4"),
        ("/srvx", "ext4"),
        ("/srv/local disk/mail", "xfs"),
        ("/run/x", "tmpfs"),
        ("/mnt/c/Users", "9p"),
        ("/twice", "cifs"),
    ],
)
def test_the_file_system_of_a_path(mounts: Path, path: str, kind: str) -> None:
    assert filesystem(Path(path), mounts)[0] == kind


def test_where_mounts_are_not_told_nothing_is_refused(tmp_path: Path) -> None:
    assert filesystem(tmp_path, tmp_path / "missing") == ("", "")


@pytest.mark.parametrize(
    ("path", "kind"), [("/srv/x", "nfs4"), ("/mnt/c", "9p"), ("/twice", "cifs")]
)
def test_network_file_systems_are_refused(mounts: Path, path: str, kind: str) -> None:
    with pytest.raises(Refused, match=rf"network file system \({kind}\)"):
        doubt(Path(path), mounts)


def test_memory_is_only_a_warning(mounts: Path) -> None:
    assert doubt(Path("/home"), mounts) is None
    assert "is on tmpfs" in (doubt(Path("/run/x"), mounts) or "")


def test_a_missing_folder_is_made_private(tmp_path: Path) -> None:
    path = prepare(tmp_path / "a" / "b", print)
    assert path.stat().st_mode & 0o777 == 0o700
    assert prepare(path, print) == path


def test_an_open_empty_folder_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(0o755)
    prepare(path, print)
    assert path.stat().st_mode & 0o777 == 0o700


def test_ours_is_closed_to_others_and_what_may_not_be_ours_is_left_alone(tmp_path: Path) -> None:
    for name, ours in ((DATABASE, True), ("holiday.jpg", False)):
        path = tmp_path / name.replace(".", "-")
        path.mkdir()
        path.chmod(0o755)
        (path / name).touch()
        if ours:
            prepare(path, print)
        else:
            with pytest.raises(Refused, match="holds other things"):
                prepare(path, print)
        assert path.stat().st_mode & 0o777 == (0o700 if ours else 0o755)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="is a file"):
        prepare(tmp_path / "file", print)
    with pytest.raises(Refused, match="can't be used"):
        prepare(tmp_path / "file" / "below", print)


def test_our_own_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir(mode=0o700)
    assert prepare(tmp_path / "link", print) == (tmp_path / "real").resolve()


def test_somebody_elses_folder_is_refused_or_root_becomes_its_owner_for_good() -> None:
    if os.geteuid() != 0:
        with pytest.raises(Refused, match="belongs to root"):
            prepare(Path("/usr"), print)
        absent.missing("root (becoming the owner of a data folder)", "run the tests as root")
        return
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        data = Path(place) / "data"
        data.mkdir(mode=0o700)
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        done = subprocess.run(
            [sys.executable, "-c", AS_OWNER, str(data)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        uid, gid = nobody.pw_uid, nobody.pw_gid
        assert done.stdout == f"{uid} {uid} {gid} True\nfor good\n"
        assert (data / "made").stat().st_uid == uid


def test_a_strangers_link_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        absent.missing("root (a link of another user)", "run the tests as root")
        return
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.chown(tmp_path / "link", 4321, 4321, follow_symlinks=False)
    with pytest.raises(Refused, match="symbolic link"):
        prepare(tmp_path / "link", print)


def test_the_names_in_a_folder_can_be_made_durable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sync(tmp_path)
    with pytest.raises(NotADirectoryError):
        sync(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")
