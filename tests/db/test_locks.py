"""Locks between processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from postroom.db.locks import FileLock, ServeLock, is_served, server
from postroom.errors import Refused

HOLDER = """
import sys
from pathlib import Path
from postroom.db.locks import ServeLock
lock = ServeLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_server_is_refused_with_the_first_ones_number(data: Path) -> None:
    with ServeLock(data), pytest.raises(Refused, match=f"already running.*{os.getpid()}"):
        ServeLock(data)
    with ServeLock(data):
        pass


def test_the_lock_ends_with_its_process_however_it_ends(data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Refused, match=str(process.pid)):
            ServeLock(data)
        process.kill()
        process.wait()
        ServeLock(data).release()


def test_lock_files_are_private_and_no_link_is_followed(data: Path) -> None:
    lock = FileLock(data / "write.lock")
    lock.close()
    lock.close()
    assert (data / "write.lock").stat().st_mode & 0o777 == 0o600
    (data / "serve.lock").symlink_to(data / "elsewhere")
    with pytest.raises(Refused, match="can't be opened"):
        ServeLock(data)
    assert not (data / "elsewhere").exists()


def test_one_holder_at_a_time(data: Path) -> None:
    locks = [FileLock(data / "write.lock") for _ in range(4)]
    inside: list[int] = []
    most: list[int] = []

    def work(lock: FileLock) -> None:
        for _ in range(50):
            with lock.hold():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lock in locks:
        lock.close()
    assert len(most) == 200
    assert max(most) == 1


def test_the_server_of_a_folder_is_known_by_its_process(data: Path) -> None:
    assert server(data) is None
    with ServeLock(data):
        assert server(data) == os.getpid()
        (data / "serve.lock").write_text("")  # it has only just begun
        assert server(data) == 0
        assert is_served(data)
    assert server(data) is None
    assert not is_served(data)
