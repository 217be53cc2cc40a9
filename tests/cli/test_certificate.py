from tests.cli.conftest import Shell


def test_there_are_none_at_first_and_consent_comes_before_an_order(shell: Shell) -> None:
    assert shell.says("certificate", "list") == ""
    assert shell.json("certificate", "list") == []
    assert "accept_terms = true" in shell.refuses("certificate", "renew", "mx.demo.test")
