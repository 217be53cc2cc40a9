"""nsd, a real authoritative name server, as a throw-away instance on loopback."""

import contextlib
import shutil
import socket
from pathlib import Path
from typing import Final

from rig.daemon import Daemon
from rig.ports import HOST, free_port

_CONFIG: Final = """\
server:
  ip-address: {host}@{port}
  do-ip6: no
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  logfile: "{folder}/nsd.log"
  server-count: 1
remote-control:
  control-enable: no
"""
_SOA: Final = "@ 60 IN SOA ns.invalid. admin.invalid. 1 3600 600 86400 60\n@ 60 IN NS ns.invalid.\n"


class Nsd(Daemon):
    """Zones by name; their records are lines of a zone file."""

    def __init__(self, folder: Path, zones: dict[str, str]) -> None:
        program = shutil.which("nsd") or "/usr/sbin/nsd"
        if not Path(program).exists():
            raise FileNotFoundError("nsd is missing (apt-get install nsd)")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        text = _CONFIG.format(host=HOST, port=self.port, folder=folder)
        for name, records in zones.items():
            (folder / f"{name}.zone").write_text(_SOA + records)
            text += f'zone:\n  name: "{name}"\n  zonefile: "{name}.zone"\n'
        config = folder / "nsd.conf"
        config.write_text(text)
        super().__init__([program, "-d", "-c", str(config)], folder / "nsd.log")

    @property
    def address(self) -> str:
        """As in ``dns.servers``."""
        return f"{HOST}:{self.port}"

    def is_up(self) -> bool:
        """Whether it answers."""
        return is_answering(self.port)


def is_answering(port: int) -> bool:
    """A question for the root's name servers gets some reply."""
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        with contextlib.suppress(OSError):
            probe.sendto(question, (HOST, port))
            return probe.recv(512)[:2] == b"\x12\x34"
    return False
