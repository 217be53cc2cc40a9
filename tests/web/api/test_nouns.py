"""The nouns of the API."""

from collections import Counter

from postroom.web.api import nouns


def test_names_are_told_apart() -> None:
    assert len({noun.name for noun in nouns.ALL}) == len(nouns.ALL)
    assert Counter((one.method, one.path) for one in nouns.operations()).most_common(1)[0][1] == 1


OF_EVERYTHING = {  # for those who administer everything
    "domains.rename",
    "domains.remove",
    "domains.set_journal",
    "domains.set_limits",
    "backup domains.remove",
}


def test_what_names_an_account_or_domain_is_held_to_it() -> None:
    free = {
        one.name
        for one in nouns.operations()
        if {"address", "domain"} & set(one.places) and not one.within
    }
    assert free == OF_EVERYTHING
