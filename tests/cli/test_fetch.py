from tests.cli.conftest import Shell

ALICE = "alice@demo.test"


def test_what_can_not_be_fetched_is_refused(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", ALICE, "--password-stdin", typed="long enough\n")
    order = ("fetch", "add", ALICE, "--user", "a", "--password-stdin")
    assert "name the server" in shell.refuses(*order, typed="x\n")
    assert "in clear" in shell.refuses(*order, "--host", "x.test", "--tls", "none", typed="x\n")
    refused = shell.refuses(
        *order, "--host", "127.0.0.1", "--port", "1", "--tls", "none", typed="x\n"
    )
    assert refused.startswith("127.0.0.1, port 1: ")
    refused = shell.refuses(*order, "--host", "nobody.invalid", typed="x\n")
    assert refused.startswith("nobody.invalid has no address (")
    assert "Errno" not in refused
    assert shell.json("fetch", "list") == []
    assert shell.says("fetch", "list", ALICE) == ""
    assert "is no id" in shell.refuses("fetch", "remove", "x")
    assert "there is no such account" in shell.refuses("fetch", "remove", "0000000000001")
    assert "Missing option '--user'" in shell.misuses("fetch", "add", ALICE)
