import subprocess
import sys
from pathlib import Path

from rig.server import Server


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
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "hostnam" in done.stderr
    assert done.stderr.count("\n") == 1
