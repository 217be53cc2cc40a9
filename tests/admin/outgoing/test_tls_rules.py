from collections.abc import Callable

import pytest

from postroom.admin.office import Office
from postroom.admin.outgoing import tls_rules
from postroom.directory.tls_rules import TlsRules
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.fakes import Clock

Tell = Callable[[Story], None]


def test_rules_are_set_listed_and_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        rule = await tls_rules.put(office, "Bücher.Example", "verify")
        assert (rule.domain, rule.mode) == ("bücher.example", "verify")
        await tls_rules.put(office, "a.test", "none")
        await tls_rules.put(office, "a.test", "encrypt")
        assert [(one.domain, one.mode) async for one in tls_rules.every(office)] == [
            ("a.test", "encrypt"),
            ("bücher.example", "verify"),
        ]
        assert [one.domain async for one in tls_rules.every(office, search="BÜCHER.example")] == [
            "bücher.example"
        ]
        assert [one.domain async for one in tls_rules.every(office, limit=1)] == ["a.test"]
        rules = TlsRules(office.db, clock)
        assert await rules.for_domain("xn--bcher-kva.example") == "verify"
        assert (await tls_rules.remove(office, "bücher.example")).mode == "verify"
        rules.hint()
        assert await rules.for_domain("xn--bcher-kva.example") is None

    tell(story)


def test_what_is_no_domain_or_has_no_rule_is_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(Invalid):
            await tls_rules.put(office, "no domain", "may")
        with pytest.raises(NotFound, match=r"no TLS rule for a\.test"):
            await tls_rules.remove(office, "a.test")
        assert [one async for one in tls_rules.every(office)] == []

    tell(story)
