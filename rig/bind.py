"""BIND, a real primary name server that takes signed updates, as a throw-away instance."""

import base64
import secrets
import shutil
from pathlib import Path
from typing import Final

from rig.daemon import Daemon
from rig.nsd import is_answering
from rig.ports import HOST, free_port

KEY: Final = "update.rig.test"

_CONFIG: Final = """\
key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{
  directory "{folder}";
  pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key";
  listen-on port {port} {{ {host}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
}};
controls {{ }};
"""
_ZONE: Final = """\
zone "{name}" {{
  type primary; file "{name}.zone"; update-policy {{ grant {key} zonesub any; }};
}};
"""
_SOA: Final = """\
$TTL 60
@ IN SOA ns.{name}. admin.{name}. 1 3600 600 86400 60
@ IN NS ns.{name}.
ns IN A {host}
"""


class Bind(Daemon):
    """Zones by name; their records are lines of a zone file.

    Whoever has ``key_file`` may change them.
    """

    def __init__(self, folder: Path, zones: dict[str, str]) -> None:
        program = shutil.which("named") or "/usr/sbin/named"
        if not Path(program).exists():
            raise FileNotFoundError("named is missing (apt-get install bind9)")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self.key_file = folder / "update.key"
        self.key_file.write_text(
            f'key "{KEY}" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n'
        )
        text = _CONFIG.format(key=KEY, secret=secret, folder=folder, port=self.port, host=HOST)
        for name, records in zones.items():
            (folder / f"{name}.zone").write_text(_SOA.format(name=name, host=HOST) + records)
            text += _ZONE.format(name=name, key=KEY)
        config = folder / "named.conf"
        config.write_text(text)
        super().__init__([program, "-g", "-c", str(config)], folder / "named.log")

    @property
    def address(self) -> str:
        """As in ``dns.servers``."""
        return f"{HOST}:{self.port}"

    def is_up(self) -> bool:
        """Whether it answers."""
        return is_answering(self.port)
