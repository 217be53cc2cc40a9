from pathlib import Path

from rig.providers import TOKEN, Cloudflare
from tests.cli.conftest import Shell


def options(api: Cloudflare, folder: Path) -> list[str]:
    trust = str(api.trust_file(folder))
    return ["--kind", "cloudflare", "--zone", "demo.test", "--server", api.url, "--ca-file", trust]


def test_a_provider_is_added_listed_and_removed(shell: Shell, tmp_path: Path) -> None:
    with Cloudflare("demo.test") as api:
        words = ["dns", "provider", "add", "cf", *options(api, tmp_path)]
        said = shell.says(*words, "--secret-stdin", typed=TOKEN + "\n")
        assert said == "cf keeps demo.test\n"
        (one,) = shell.json("dns", "provider", "list")
        assert (one["name"], one["kind"], one["zones"]) == ("cf", "cloudflare", ["demo.test"])
        assert "cf" in shell.says("dns", "provider", "list")
        assert "already" in shell.refuses(*words, "--secret-stdin", typed=TOKEN)
    assert shell.says("dns", "provider", "remove", "cf") == "cf removed\n"
    assert "no DNS provider cf" in shell.refuses("dns", "provider", "remove", "cf")


def test_the_secret_comes_from_a_file_or_standard_input_and_is_never_shown(
    shell: Shell, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("wrong\n")
    with Cloudflare("demo.test") as api:
        words = ["dns", "provider", "add", "cf", *options(api, tmp_path)]
        assert "--secret-file" in shell.misuses(*words)
        refused = shell.refuses(*words, "--secret-file", str(secret))
        assert "is the token right" in refused
        assert "wrong" not in refused
        secret.write_text(TOKEN)
        assert TOKEN not in shell.run(*words, "--secret-file", str(secret), "--json").output
