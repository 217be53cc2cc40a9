import json

from postroom.admin.client_settings import ClientSettings, Service
from postroom.web import thunderbird

ANN = "ann@demo.test"
IMAP, SMTP = Service("imap", 143, "starttls"), Service("smtp", 465, "implicit")


def settings(*services: Service) -> ClientSettings:
    return ClientSettings("demo.test", "mx.demo.test", services)


def test_an_account_with_its_password() -> None:
    text = thunderbird.account(settings(IMAP, SMTP), "mx.demo.test", ANN, "Ann É", 'p"w')
    assert text is not None
    assert json.loads(text) == [
        1,
        [1, 1],
        [0, "mx.demo.test", 143, 2, 1, ANN, ANN, 'p"w'],
        [[[0, "mx.demo.test", 465, 3, 1, ANN, 'p"w'], [ANN, "Ann É"]]],
    ]
    assert text.isascii()


def test_somebody_without_a_name_is_called_by_the_address() -> None:
    text = thunderbird.account(settings(IMAP, SMTP), "mx.demo.test", ANN, "", "pw")
    assert json.loads(text or "")[3][0][1] == [ANN, ANN]


def test_what_it_can_not_read_is_not_offered() -> None:
    assert thunderbird.account(settings(IMAP), "mx.demo.test", ANN, "", "pw") is None
    assert thunderbird.account(settings(SMTP), "mx.demo.test", ANN, "", "pw") is None
    whole = settings(IMAP, SMTP)
    assert thunderbird.account(whole, "mx.demo.test", "bücher@demo.test", "", "pw") is None
