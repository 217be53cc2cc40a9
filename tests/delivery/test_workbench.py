"""Who was being worked on when the process died."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from postroom.delivery.workbench import SLOTS, Workbench, left_behind

_DIE = """
import os, signal, sys
from pathlib import Path
from postroom.delivery.workbench import Workbench
bench = Workbench(Path(sys.argv[1]))
with bench.busy(5):
    pass
with bench.busy(7), bench.busy(1 << 62):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_what_it_was_busy_with(tmp_path: Path) -> None:
    path = tmp_path / "bench"
    done = subprocess.run([sys.executable, "-c", _DIE, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    bench = Workbench(path)
    assert sorted(bench.left_behind) == [7, 1 << 62]
    bench.close()
    again = Workbench(path)  # still there until somebody has counted it
    assert sorted(again.left_behind) == [7, 1 << 62]
    again.clear()
    again.close()
    last = Workbench(path)
    assert last.left_behind == ()
    last.close()


def test_an_error_is_no_death(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "bench")
    with pytest.raises(ValueError, match="x"), bench.busy(7):
        raise ValueError("x")
    bench.close()
    assert Workbench(tmp_path / "bench").left_behind == ()


def test_more_than_there_are_slots(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "bench")
    busy = [bench.busy(number + 1) for number in range(SLOTS + 2)]
    for one in busy:
        one.__enter__()
    for one in busy:
        one.__exit__(None, None, None)
    bench.close()
    assert Workbench(tmp_path / "bench").left_behind == ()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "bench").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        Workbench(tmp_path / "bench")
    assert not (tmp_path / "elsewhere").exists()


def test_what_another_process_left_behind_is_found_once(tmp_path: Path) -> None:
    path = tmp_path / "bench"
    assert left_behind(path) == ()
    subprocess.run([sys.executable, "-c", _DIE, str(path)], check=False)
    assert sorted(left_behind(path)) == [7, 1 << 62]
    assert left_behind(path) == ()
    bench = Workbench(path, (3,))
    assert bench.left_behind == (3,)
    bench.close()
    path.write_bytes(b"cut")
    assert left_behind(path) == ()
