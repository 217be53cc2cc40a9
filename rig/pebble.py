"""Pebble, Let's Encrypt's authority for tests, as a throw-away instance on loopback."""

import json
import shutil
from pathlib import Path
from typing import Final

import trustme

from rig.daemon import Daemon
from rig.ports import HOST, free_port

REFUSED_NONCES: Final = 40  # of a hundred


class Pebble(Daemon):
    """One authority. It asks ``dns`` for names and looks for answers on the two ports."""

    def __init__(self, folder: Path, *, dns: str, http_port: int = 1, tls_port: int = 1) -> None:
        program = shutil.which("pebble")
        if program is None:
            raise FileNotFoundError("pebble is missing (apt-get install pebble)")
        folder.mkdir(parents=True, exist_ok=True)
        self.trust = folder / "trust.pem"  # what vouches for the directory itself
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.trust)
        leaf = authority.issue_cert(HOST)
        leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        leaf.private_key_pem.write_to_path(folder / "key.pem")
        self.port = free_port()
        config = folder / "pebble.json"
        config.write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": f"{HOST}:{self.port}",
                        "managementListenAddress": f"{HOST}:{free_port()}",
                        "certificate": str(folder / "cert.pem"),
                        "privateKey": str(folder / "key.pem"),
                        "httpPort": http_port,
                        "tlsPort": tls_port,
                        "ocspResponderURL": "",
                        "externalAccountBindingRequired": False,
                    }
                }
            )
        )
        super().__init__(
            [program, "-config", str(config), "-dnsserver", dns],
            folder / "pebble.log",
            {
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_WFE_NONCEREJECT": str(REFUSED_NONCES),
                "PEBBLE_AUTHZREUSE": "0",
            },
        )

    @property
    def directory(self) -> str:
        """The URL for ``acme.directory``."""
        return f"https://{HOST}:{self.port}/dir"

    def is_up(self) -> bool:
        """Whether it answers."""
        return b"Listening on" in self._log.read_bytes()
