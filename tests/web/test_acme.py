from pathlib import Path

from postroom.admin.office import Office
from postroom.directory import certificates
from postroom.web.hosts import Hosts
from tests.conftest import Opener
from tests.web.asking import ask
from tests.web.test_discovery import tell


def test_the_authority_finds_our_answers_and_nothing_else(database: Opener, data: Path) -> None:
    async def story(web: Hosts, office: Office) -> None:
        await office.db.write(lambda tx: certificates.put_challenge(tx, "tok", "tok.print", 0))
        said = await ask(web, "/.well-known/acme-challenge/tok", host="mta-sts.demo.test")
        assert (said.status, said.body) == (200, b"tok.print")
        for path in ("other", "tok/x", ""):
            found = await ask(web, f"/.well-known/acme-challenge/{path}", host="mx.demo.test")
            assert found.status == 404

    tell(database, data, story)
