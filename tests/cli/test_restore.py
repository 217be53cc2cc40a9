import json
from pathlib import Path

from tests.cli.conftest import Shell


def test_a_backup_comes_back_into_an_empty_folder(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "alice@demo.test", "--password-stdin", typed="long enough\n")
    safe = str(tmp_path / "safe")
    shell.says("backup", safe)
    assert "is not empty, and nothing is overwritten" in shell.refuses("restore", safe)
    shell.config.write_text('hostname = "mx.demo.test"\ndata = "new"\n')
    result = shell.run("restore", safe)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["held"] == 0
    assert "the settings of that time are in" in result.stderr
    assert [one["address"] for one in shell.json("account", "list")] == ["alice@demo.test"]
