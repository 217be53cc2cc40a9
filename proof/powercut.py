"""Power cuts: the file system is shut down under the running server.

A loop-mounted ext4 or xfs gets the ``GOINGDOWN`` ioctl without a flush of its journal:
what was not on stable storage is gone, as after a power cut. It does not model a lying
disk cache or torn sectors. Needs root.

A kernel that goes on running can let an fsync succeed whose transaction the shutdown has just
thrown away; a machine without power says nothing more. So what is answered from the moment of the
cut on counts neither as taken nor as refused.
"""

import fcntl
import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from rig.load import Journal, Load, compare, stored
from rig.server import DOMAIN, Server

PASSWORD = "power-proof-password"

_GOINGDOWN: Final = 0x8004587D  # _IOR('X', 125, __u32): XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN
_NO_LOG_FLUSH: Final = 2


class Disk:
    """A file system in a file, mounted on a folder."""

    def __init__(self, kind: str, folder: Path, megabytes: int = 2048) -> None:
        self.folder = folder / "mounted"
        self._image = folder / "image"
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        quiet = ["-q", "-F"] if kind == "ext4" else ["-q", "-f"]
        subprocess.run([f"/sbin/mkfs.{kind}", *quiet, str(self._image)], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.folder)], check=True)

    def cut(self) -> None:
        """Nothing more reaches the disk, and what was only in memory is lost."""
        at = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(at, _GOINGDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(at)

    def unmount(self) -> None:
        said = b""
        for _ in range(100):
            done = subprocess.run(["umount", str(self.folder)], check=False, capture_output=True)
            if done.returncode == 0:
                return
            said = done.stderr
            time.sleep(0.1)
        raise RuntimeError(f"cannot unmount {self.folder}: {said.decode()}")


def prove(kind: str, *, cuts: int, seconds: float) -> bool:
    """``cuts`` power cuts on a file system of ``kind``, each under load."""
    if os.geteuid() != 0:
        print(f"powercut {kind}: not run, it needs root")
        return False
    if not Path(f"/sbin/mkfs.{kind}").exists():
        print(
            f"powercut {kind}: not run, mkfs.{kind} is missing (apt-get install xfsprogs e2fsprogs)"
        )
        return False
    folder = Path(tempfile.mkdtemp(prefix=f"postroom-power-{kind}-"))
    disk = Disk(kind, folder)
    server = Server(disk.folder, settings="[limits]\nmax_connections_per_ip = 1000")
    server.add_account(f"alice@{DOMAIN}", PASSWORD)
    os.sync()
    journal = Journal()
    began = time.monotonic()
    done = damaged = 0
    while done < cuts and time.monotonic() < began + seconds:
        server.start()
        journal.is_dark = False
        load = Load(server.ports["smtp"], f"alice@{DOMAIN}", connections=12, journal=journal)
        load.start()
        time.sleep(0.8 + 0.13 * (done % 7))
        journal.is_dark = True
        disk.cut()
        server.kill()
        load.stop()
        disk.unmount()
        disk.mount()
        done += 1
        damaged += _check_database(server.data)
    server.start()
    verdict = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
    is_sound = server.is_sound()
    server.stop()
    disk.unmount()
    print(f"powercut {kind}: {done} cuts, {verdict}, {damaged} damaged databases")
    good = verdict.good and not damaged and is_sound
    if good:
        shutil.rmtree(folder)
    else:
        print(f"powercut {kind}: the disk image is kept for study: {folder}")
    return good and done >= cuts


def _check_database(data: Path) -> int:
    """1 when SQLite finds a fault in a copy of the database, else 0."""
    with tempfile.TemporaryDirectory() as copy:
        for part in data.glob("*.sqlite*"):
            shutil.copy(part, copy)
        faults = 0
        for path in Path(copy).glob("*.sqlite"):
            with sqlite3.connect(path) as connection:
                faults |= connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            connection.close()
        return int(faults)
