from tests.cli.conftest import Shell


def test_the_units_are_shown_without_changing_anything(shell: Shell) -> None:
    said = shell.says("install-service", "--print")
    assert f"-c {shell.config} serve" in said
    assert "ListenStream=0.0.0.0:25" in said


def test_without_settings_there_is_nothing_to_run(shell: Shell) -> None:
    shell.config.unlink()
    assert "postroom.toml" in shell.refuses("install-service", "--print")
