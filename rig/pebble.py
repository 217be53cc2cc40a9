"""Pebble, Let's Encrypt's authority for tests, as a throw-away instance on loopback."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from rig.server import HOST, free_port

START_SECONDS: Final = 20
REFUSED_NONCES: Final = 40  # of a hundred


class Pebble:
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
        self._config = folder / "pebble.json"
        self._config.write_text(
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
        self._command = [program, "-config", str(self._config), "-dnsserver", dns]
        self._log = folder / "pebble.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def directory(self) -> str:
        """The URL for ``acme.directory``."""
        return f"https://{HOST}:{self.port}/dir"

    def __enter__(self) -> Self:
        environment = {
            **os.environ,
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": str(REFUSED_NONCES),
            "PEBBLE_AUTHZREUSE": "0",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        began = time.monotonic()
        while b"Listening on" not in self._log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > began + START_SECONDS:
                self.__exit__(None, None, None)
                raise RuntimeError(f"pebble did not start: {self._log.read_text()[-1000:]}")
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
