"""The first hour on a machine that has never run a mail server, as the documentation has it."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.fresh import (
    ADDRESS,
    DOMAIN,
    HOST,
    PASSWORD,
    SECONDS,
    Machine,
    await_server,
    bare_root,
    install,
    letter,
    served,
    set_up,
    tell,
)

# What systemd does with the two commands of install-service: the ports are its own right.
SYSTEMCTL = """\
#!/bin/sh
echo "$@" >>/var/tmp/systemctl
[ "$1 $2" = "enable --now" ] || exit 0
start=$(sed -n 's/^ExecStart=//p' /etc/systemd/system/postroom.service)
setsid setpriv --reuid postroom --regid postroom --clear-groups \\
    --inh-caps +net_bind_service --ambient-caps +net_bind_service \\
    $start </dev/null >/var/tmp/journal 2>&1 &
"""


@pytest.fixture(scope="module")
def machine(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Debian and the package, nothing else, and no network but its own."""
    machine = bare_root(tmp_path_factory.mktemp("fresh"))
    install(machine, package)
    with machine.on():
        yield machine


@pytest.fixture
def nothing(machine: Machine) -> Machine:
    """The same before anything was set up."""
    machine.type("rm -rf /etc/postroom /var/lib/postroom")
    machine.typed, machine.seconds = machine.typed[:1], machine.installing
    return machine


def until(happened: Callable[[], bool], machine: Machine) -> None:
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, machine.console.read_text()
        time.sleep(0.02)


class Browser:
    """curl with a jar, somewhere in the network of the machine."""

    def __init__(self, machine: Machine, jar: Path, base: str) -> None:
        self._machine, self._jar, self._base = machine, jar, base
        self.page = ""

    def open(self, path: str, **fields: str) -> str:
        word = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        form = {**({"csrf": word[1]} if word else {}), **fields} if fields else {}
        data = [part for name, value in form.items() for part in ("-d", f"{name}={value}")]
        jar = ["-b", str(self._jar), "-c", str(self._jar)]
        self.page = self._machine.outside("curl", "-sL", *jar, *data, self._base + path)
        return self.page


def test_from_nothing_to_a_received_letter(
    nothing: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(nothing)
    with served(nothing):
        assert "Subject: the first letter" in letter(nothing)
    with capsys.disabled():
        tell(nothing)
    assert len(nothing.typed) == 3


def test_serve_alone_leads_through_the_browser_to_a_service(
    nothing: Machine, tmp_path: Path
) -> None:
    shim = nothing.root / "usr/bin/systemctl"
    shim.write_text(SYSTEMCTL)
    shim.chmod(0o755)
    (nothing.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    with nothing.serve("postroom serve") as server:
        until(lambda: "key=" in nothing.console.read_text(), nothing)
        found = re.search(r"(http://[^/]+)(/setup[?]key=(\S+))", nothing.console.read_text())
        assert found
        browser = Browser(nothing, tmp_path / "jar", found[1])
        browser.open(found[2])
        browser.open("/setup", key=found[3])
        browser.open("/setup/place", domain=DOMAIN)
        browser.open("/setup/people", admin=ADDRESS, password=PASSWORD)
        assert "The server runs." in browser.page
        assert "Subject: the first letter" in letter(nothing)  # in this process
        assert "systemd runs the server in a moment" in browser.open("/setup/finish", service="on")
        assert server.wait(SECONDS) == 0, nothing.console.read_text()
    assert "systemd runs the server now" in nothing.console.read_text()
    await_server(nothing)
    assert "Subject: the first letter" in letter(nothing)  # as the user of the service
    assert "restart postroom.service" in (nothing.root / "var/tmp/systemctl").read_text()
    assert nothing.outside("curl", "-sk", f"https://{HOST}/healthz").strip() == "ok"
    nothing.stop()


def test_a_web_server_keeps_its_ports(nothing: Machine) -> None:
    nothing.type("ln -sf /usr/bin/python3 nginx")
    with nothing.serve("./nginx -m http.server 80 --bind 127.0.0.1"):
        until(lambda: "Serving HTTP" in nothing.console.read_text(), nothing)
        set_up(nothing)
        with served(nothing):
            assert "Subject: the first letter" in letter(nothing)
            page = nothing.outside("curl", "-sL", f"http://{HOST}:8080/")
    assert "Password" in page


@pytest.mark.parametrize(
    ("folder", "data"),
    [("/var/lib/postroom", "/var/lib/postroom"), ("/srv/mail", "/srv/mail/postroom-data")],
)
def test_without_root_everything_is_where_one_may_write(
    nothing: Machine, folder: str, data: str
) -> None:
    """As in the container, where the volume is all there is."""
    nothing.type(f"install -d -o postroom -m 700 {folder}")
    user = "setpriv --reuid postroom --clear-groups"
    words = f"setup --domain {DOMAIN} --yes --password-stdin --no-test"
    command = f"cd / && POSTROOM_CONFIG={folder}/postroom.toml {user} postroom {words}"
    nothing.type(command, stdin=f"{PASSWORD}\n")
    settings = (nothing.root / folder.strip("/") / "postroom.toml").read_text()
    assert f'data = "{data}"' in settings
    assert (nothing.root / data.strip("/") / "postroom.sqlite").exists()


def test_a_package_can_be_taken_away_and_leaves_the_mail(nothing: Machine) -> None:
    set_up(nothing)
    nothing.type("dpkg --purge postroom")
    assert (nothing.root / "var/lib/postroom/postroom.sqlite").exists()
    assert (nothing.root / "etc/postroom/postroom.toml").exists()
    assert not (nothing.root / "usr/lib/postroom/bin/python").exists()
