from pathlib import Path

from tests.cli.conftest import Shell


def test_faults_are_told_with_what_to_do(shell: Shell, tmp_path: Path) -> None:
    shell.config.write_text(
        'hostname = "mx.demo.test"\ndata = "data"\n'
        '[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1"\nport = 1\n'
    )
    shell.says("domain", "add", "demo.test")
    said = shell.says("doctor", "--offline")
    assert "warning: ports: server: it does not run (start it: systemctl start postroom" in said
    assert said.splitlines()[-1].startswith("permissions, disk, ports, database, keys,")
    (tmp_path / "data" / "secrets" / "seal").chmod(0o640)
    result = shell.run("doctor", "--offline")
    assert result.exit_code == 1
    assert "error: permissions: " in result.stdout
    assert "mended: permissions: " in shell.says("doctor", "--offline", "--repair")
    report = shell.json("doctor", "--offline", "--deep")
    assert not [one for one in report["findings"] if one["level"] == "error"]
