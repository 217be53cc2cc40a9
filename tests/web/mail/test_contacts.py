from postroom.web.mail.contacts import Contact, contacts


def test_people_as_they_are_written() -> None:
    assert contacts([b"=?utf-8?q?J=C3=B6?= <jo@x.test>, friends: a@x.test;"]) == (
        Contact("jo@x.test", "Jö"), Contact("a@x.test"),
    )  # fmt: skip
    assert contacts(None) == ()
    mixed = "a@p\u0430ypal.test, b@m\u00fcller.test, c@\u0434\u043e\u043c.test, d@p\u0430.y@z"
    assert [one.address for one in contacts([mixed.encode()])] == [
        "a@xn--pypal-4ve.test", "b@m\u00fcller.test", "c@\u0434\u043e\u043c.test", "d@p\u0430.y@z",
    ]  # fmt: skip
    assert str(Contact("a@x.test", "A, B")) == '"A, B" <a@x.test>'
    assert str(Contact("jo@x.test", "Jö")) == "Jö <jo@x.test>"
