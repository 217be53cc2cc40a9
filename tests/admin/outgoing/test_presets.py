import re

import pytest

from postroom.address import Domain
from postroom.admin.outgoing import presets, relays
from postroom.admin.outgoing.presets import Preset
from postroom.errors import Invalid, NotFound

HISTORIC = {
    "att-worldnet": "mailhost.att.net",
    "att-global": "smtp1.attglobal.net",
    "charter-classic": "smtp.charter.net",
    "earthlink-classic": "mail.earthlink.net",
    "frii": "mail.frii.com",
    "msn-classic": "smtp.email.msn.com",
    "netcom": "smtp.ix.netcom.com",
    "qwest": "pop.dnvr.qwest.net",
}
EXPECTED = {
    "amazon-ses",
    "aol",
    "att",
    "bluewin",
    "brevo",
    "centurylink",
    "charter",
    "comcast",
    "earthlink",
    "fastmail",
    "free",
    "gandi",
    "gmail",
    "gmx",
    "google-relay",
    "icloud",
    "infomaniak",
    "ionos",
    "mail-ru",
    "mailbox-org",
    "mailgun",
    "mailgun-eu",
    "mailjet",
    "microsoft365",
    "migadu",
    "orange",
    "outlook",
    "ovh",
    "posteo",
    "postmark",
    "proton-bridge",
    "q",
    "qq",
    "resend",
    "sendgrid",
    "sfr",
    "smtp2go",
    "strato",
    "t-online",
    "telia",
    "verizon",
    "web-de",
    "yahoo",
    "yandex",
    "zoho",
    "163",
}


@pytest.mark.parametrize("preset", presets.every(), ids=lambda preset: preset.name)
def test_every_preset_makes_sense(preset: Preset) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", preset.name)
    assert preset.title
    assert preset.title.isprintable()
    assert preset.note.isprintable()
    assert relays._host(preset.host.replace("{", "").replace("}", ""))
    assert preset.port in {25, 465, 587, 1025, 2525}
    assert {Domain.parse(domain).ascii for domain in preset.domains} == set(preset.domains)
    if preset.tls == "none":
        assert preset.auth == "none"
    if preset.login:
        assert preset.auth in {"api-key", "password"}
    if preset.successor:
        assert preset.historic
        assert not presets.find(preset.successor).historic


def test_names_are_unique_and_the_known_ones_are_there() -> None:
    names = [preset.name for preset in presets.every()]
    assert len(names) == len(set(names))
    assert set(names) >= EXPECTED


@pytest.mark.parametrize(("name", "host"), HISTORIC.items())
def test_the_old_dial_up_providers_stand_there_as_they_were(name: str, host: str) -> None:
    preset = presets.find(name)
    assert (preset.host, preset.port, preset.tls, preset.auth) == (host, 25, "none", "none")
    assert preset.historic


def test_no_other_preset_is_historic_and_these_come_last() -> None:
    historic = [preset.name for preset in presets.every()][-len(HISTORIC) :]
    assert set(historic) == set(HISTORIC)
    assert sum(preset.historic for preset in presets.every()) == len(HISTORIC)


def test_port_and_tls_do_not_follow_from_each_other() -> None:
    charter = presets.find("Charter")
    assert (charter.host, charter.port, charter.tls) == ("mobile.charter.net", 587, "implicit")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sendgrid", ["sendgrid"]),
        ("SENDGRID", ["sendgrid"]),
        ("alice@gmx.de", ["gmx"]),
        ("mindspring.com", ["earthlink"]),
        ("smtp1.attglobal", ["att-global"]),
        ("earthlink", ["earthlink", "earthlink-classic"]),
        ("nobody has this", []),
        ("%", []),
    ],
)
def test_presets_are_found_by_name_title_domain_and_host(words: str, found: list[str]) -> None:
    assert [preset.name for preset in presets.search(words)] == found


def test_no_word_finds_all() -> None:
    assert presets.search(" ") == presets.every()


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound, match="postroom relay presets"):
        presets.find("acme")


def test_the_customer_s_part_of_a_host_is_filled_in() -> None:
    ses, gmail = presets.find("amazon-ses"), presets.find("gmail")
    assert ses.blank == "region"
    assert presets.host_of(ses, "eu-central-1") == "email-smtp.eu-central-1.amazonaws.com"
    assert presets.host_of(ses, "vpce-1.example.com") == "vpce-1.example.com"
    assert presets.host_of(ses, "::1") == "::1"
    assert presets.host_of(ses, "localhost") == "localhost"
    with pytest.raises(Invalid, match="your own region with --host"):
        presets.host_of(ses, None)
    assert gmail.blank == ""
    assert presets.host_of(gmail, None) == "smtp.gmail.com"
    assert presets.host_of(gmail, "relay") == "relay"
