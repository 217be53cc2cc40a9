"""The examples of docs/api.md, as they stand there, with curl against a running server."""

import json
import re
import subprocess
from pathlib import Path

from rig.ports import HOST
from rig.server import Server

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
CURL = 'curl() { command curl -sS --fail-with-body --retry 20 --retry-connrefused "$@"; }\n'


def test_every_example_works(tmp_path: Path) -> None:
    examples = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) >= 6
    with Server(tmp_path, doors=["smtp", "http"]) as server:
        server.command("domain", "add", "example.org")
        server.command("account", "add", "root@example.org", "--admin", "--password-stdin",
                       stdin="a-Good-one-1\n")  # fmt: skip
        token = server.command("token", "add", "docs", "--scope", "admin").strip()
        settings = {
            "TOKEN": token,
            "SERVER": f"http://{HOST}:{server.ports['http']}",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        answers = []
        for example in examples:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", CURL + example],
                env=settings, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert done.returncode == 0, example + done.stdout + done.stderr
            answers.append(json.loads(done.stdout))
        assert answers[0]["domains"] == 1
        assert len(server.json("queue", "list")) == 2
        assert server.json("account", "show", "ann@example.org")["quota"] == 1_000_000_000
