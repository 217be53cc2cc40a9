from tests.cli.conftest import Shell


def test_a_domain_needs_no_command_and_help_names_both_ways(shell: Shell) -> None:
    assert "is not a domain of this server" in shell.refuses("dns", "demo.test")
    assert "is not a domain of this server" in shell.refuses("dns", "--zone", "demo.test")
    assert "is not a domain of this server" in shell.refuses("dns", "records", "demo.test")
    for words in (["dns"], ["dns", "--help"]):
        said = shell.run(*words).output
        assert "provider" in said
        assert "short for" in said
