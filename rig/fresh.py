"""A machine that has never run a mail server: from nothing to a received letter, counted.

A Debian of the release of this machine is unpacked into a folder (debootstrap, as root). What is
installed there comes from Debian; what runs there has processes, mounts, a host name and a
network of its own, in which there is nothing but loopback. Only what a person would type there
counts, and the time of it.

usage: python -m rig.fresh PACKAGE.deb
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
DOMAIN: Final = "fresh.test"
ADDRESS: Final = f"anna@{DOMAIN}"
PASSWORD: Final = "a-Password-of-Anna-1"
SECONDS: Final = 60.0  # that anything may take that is waited for
LONGEST_SECONDS: Final = 600.0  # that a command may take, on a machine that has much else to do
_NAMESPACES: Final = ("--mount", "--pid", "--net", "--uts", "--ipc")
_ENVIRONMENT: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive", "PYTHONUNBUFFERED": "1",
}  # fmt: skip


class Failed(RuntimeError):
    """A command of the run did not end well; its words."""


class Machine:
    """The root, its namespaces once it is ``on``, and what was typed there so far."""

    def __init__(self, root: Path) -> None:
        """``root`` is an unpacked Debian."""
        self.root = root
        self.typed: list[str] = []
        self.seconds = 0.0
        self.installing = 0.0
        self._first: subprocess.Popen[bytes] | None = None
        self._enter: Sequence[str] = ("chroot", str(root))

    def type(self, command: str, *, stdin: str = "") -> str:
        """What a person types as root; its output. Counted. Raises Failed."""
        began = time.monotonic()
        try:
            entered = [*self._enter, "/bin/sh", "-c", f"cd /root && {command}"]
            return self._run(entered, command, stdin)
        finally:
            self.seconds += time.monotonic() - began
            self.typed.append(command)

    @contextlib.contextmanager
    def serve(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """The same for what goes on running; what it shows is in ``console``.

        Signals do not reach it: it stands behind the door to the namespaces. ``stop`` does.
        """
        self.typed.append(command)
        with self.console.open("wb") as console:
            process = subprocess.Popen(
                [*self._enter, "/bin/sh", "-c", f"cd /root && exec {command}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=_ENVIRONMENT,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End the server that has the data folder, as a service manager does."""
        lock = "/var/lib/postroom/serve.lock"
        script = f"kill $(cat {lock}) && flock -w {SECONDS:.0f} {lock} true"
        self._run([*self._enter, "/bin/sh", "-c", script], script, "")

    @property
    def console(self) -> Path:
        """What the server has shown."""
        return self.root / "root/console"

    def outside(self, *command: str) -> str:
        """A program of this machine in that network: a client somewhere. Raises Failed."""
        namespace = ("nsenter", f"--net=/proc/{self._pid}/ns/net")
        return self._run([*namespace, *command], shlex.join(command), "")

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Run it: from now on it has only its own network."""
        script = "mount -t proc proc /proc && hostname fresh && echo on && exec sleep infinity"
        self._first = subprocess.Popen(
            ["unshare", *_NAMESPACES, "--fork", "--kill-child", "chroot", self.root,
             "/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert self._first.stdout is not None
            if self._first.stdout.readline() != b"on\n":
                raise Failed("this machine allows no namespaces")
            self._enter = (
                "nsenter", f"--target={self._pid}", "--mount", "--pid", "--net", "--uts", "--ipc",
                "--root",
            )  # fmt: skip
            self.outside("ip", "link", "set", "lo", "up")
            yield
        finally:
            self._enter = ("chroot", str(self.root))
            self._first.kill()  # with it the kernel ends all that runs in its namespace
            self._first.communicate()
            self._first = None

    @property
    def _pid(self) -> int:
        if self._first is None:
            raise Failed("the machine is off")
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        return int(children.read_text().split()[0])

    def _run(self, command: Sequence[str], name: str, stdin: str) -> str:
        done = subprocess.run(
            command, input=stdin, env=_ENVIRONMENT, capture_output=True, text=True, check=False,
            timeout=LONGEST_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"{name}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


def bare_root(folder: Path) -> Machine:
    """A machine with nothing but what Debian calls required, and where it gets packages from."""
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    suite = release["VERSION_CODENAME"].strip('"')
    subprocess.run(
        ["debootstrap", "--variant=minbase", suite, str(folder), _mirror(suite)],
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    folder.chmod(0o755)  # it is the root of every user there
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", folder / f"etc/{name}")
    for settings in Path("/etc/apt/apt.conf.d").glob("99*"):  # how packages are reached from here
        shutil.copy(settings, folder / "etc/apt/apt.conf.d")
    subprocess.run(["chroot", folder, "apt-get", "update", "-qq"], check=True)
    return Machine(folder)


def _mirror(suite: str) -> str:
    """Where apt of this machine takes the packages of its release from."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for line in targets.splitlines():
        if line.startswith(f"Debian {suite} "):
            return line.split()[2]
    raise Failed(f"apt knows no packages of Debian {suite}: run apt-get update")


def install(machine: Machine, package: Path) -> None:
    """The package, with what it depends on from Debian."""
    shutil.copy(package, machine.root / "root")
    machine.type(f"apt-get install -y -qq ./{package.name}")
    machine.installing = machine.seconds


def set_up(machine: Machine) -> str:
    """The command of the documentation, with its answers; what it said."""
    return machine.type(
        f"postroom setup --domain {DOMAIN} --admin {ADDRESS} --yes --password-stdin",
        stdin=f"{PASSWORD}\n",
    )


@contextlib.contextmanager
def served(machine: Machine) -> Iterator[None]:
    """The server, once it greets on port 25."""
    began = time.monotonic()
    with machine.serve("postroom serve") as server:
        await_server(machine, lambda: server.poll() is None)
        machine.seconds += time.monotonic() - began
        yield
        machine.stop()


def await_server(machine: Machine, is_coming: Callable[[], bool] = lambda: True) -> None:
    """Until somebody greets on port 25; raises Failed with what stands on the console."""
    end = time.monotonic() + SECONDS
    while not _greets(machine):
        if not is_coming() or time.monotonic() > end:
            raise Failed(machine.console.read_text(errors="replace")[-4000:])
        time.sleep(0.02)


def letter(machine: Machine) -> str:
    """Bring a letter as other servers do, then read the newest one; the whole of it."""
    machine.outside(
        "swaks", "--server", HOST, "--from", "you@elsewhere.test", "--to", ADDRESS,
        "--header", "Subject: the first letter", "--helo", "elsewhere.test",
    )  # fmt: skip
    return machine.outside(
        "curl", "-sk", "-u", f"{ADDRESS}:{PASSWORD}", f"imaps://{HOST}/INBOX;MAILINDEX=*"
    )


def _greets(machine: Machine) -> bool:
    with contextlib.suppress(Failed):
        machine.outside("swaks", "--server", HOST, "--quit-after", "BANNER")
        return True
    return False


def run(package: Path, folder: Path) -> str:
    """The whole; the letter."""
    machine = bare_root(folder)
    install(machine, package)
    with machine.on():
        set_up(machine)
        with served(machine):
            read = letter(machine)
    tell(machine)
    return read


def tell(machine: Machine) -> None:
    """Print what was typed, and how long it took."""
    print("", *machine.typed, sep="\n")
    print(f"{len(machine.typed)} commands, {machine.seconds:.0f} seconds")


def main() -> None:
    """Run it once."""
    if os.geteuid() != 0:
        raise SystemExit("only root can make a machine of its own")
    with tempfile.TemporaryDirectory(prefix="postroom-fresh-") as folder:
        print(run(Path(sys.argv[1]), Path(folder)))


if __name__ == "__main__":
    main()
