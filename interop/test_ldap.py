"""Passwords of Debian's OpenLDAP open the doors; a filter can't be written in an address."""

import contextlib
import imaplib
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from rig.ports import HOST, free_port
from rig.server import DOMAIN, Server

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
BASE = "dc=demo,dc=test"
CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
security simple_bind=128
database mdb
maxsize 10485760
suffix "dc=demo,dc=test"
rootdn "cn=admin,dc=demo,dc=test"
rootpw admin-Secret
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
LDIF = """\
dn: dc=demo,dc=test
objectClass: dcObject
objectClass: organization
o: Demo
dc: demo

dn: cn=reader,dc=demo,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reads

dn: uid=ann,dc=demo,dc=test
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
mail: {ann}
userPassword: p\u00e4ss of Ann

dn: uid=bob,dc=demo,dc=test
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: {bob}
userPassword: of-Bob
"""


@contextlib.contextmanager
def slapd(folder: Path) -> Iterator[int]:
    """OpenLDAP with two people; its port."""
    if shutil.which("slapd", path="/usr/sbin") is None:
        pytest.fail("slapd is missing: apt-get install slapd")
    (folder / "db").mkdir(parents=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert(HOST)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    (folder / "slapd.conf").write_text(CONF.format(folder=folder))
    (folder / "people.ldif").write_text(LDIF.format(ann=ANN, bob=BOB))
    subprocess.run(
        ["/usr/sbin/slapadd", "-f", folder / "slapd.conf", "-l", folder / "people.ldif"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    log = (folder / "log").open("wb")
    daemon = subprocess.Popen(
        ["/usr/sbin/slapd", "-f", folder / "slapd.conf", "-h", f"ldap://{HOST}:{port}/", "-d", "0"],
        stdout=log, stderr=log, env={**os.environ, "PATH": "/usr/sbin:/usr/bin"},
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not _answers(port):
            assert daemon.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield port
    finally:
        daemon.terminate()
        daemon.wait(30)
        log.close()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


def logs_in(server: Server, login: str, password: str) -> str:
    """What IMAP says to a login."""
    with imaplib.IMAP4(HOST, server.ports["imap"], timeout=120) as client:
        credentials = f"\0{login}\0{password}".encode()
        try:
            return client.authenticate("PLAIN", lambda _: credentials)[0]
        except imaplib.IMAP4.error as error:
            return str(error)


def test_passwords_of_a_directory_open_all_doors(tmp_path: Path) -> None:
    with slapd(tmp_path / "ldap") as port:
        secret = tmp_path / "secret"
        secret.write_text("reads\n")
        settings = (
            f'[ldap]\nurl = "ldap://{HOST}:{port}"\nbase = "{BASE}"\n'
            f'bind_dn = "cn=reader,{BASE}"\npassword_file = "{secret}"\n'
            f'ca_file = "{tmp_path}/ldap/ca.pem"\n'
        )
        server = Server(
            tmp_path / "server", doors=("smtp", "submission", "imap"), settings=settings
        )
        server.add_account(BOB, "his-own-Password")
        server.command("account", "add", ANN, "--no-password")
        with server:
            assert logs_in(server, ANN, "p\u00e4ss of Ann") == "OK"
            assert "AUTHENTICATIONFAILED" in logs_in(server, ANN, "of-Bob")
            assert logs_in(server, BOB, "his-own-Password") == "OK"
            assert "AUTHENTICATIONFAILED" in logs_in(server, BOB, "of-Bob")
            for name in (f'"*"@{DOMAIN}', f'"ann)(uid=*"@{DOMAIN}', f"nobody@{DOMAIN}"):
                assert "AUTHENTICATIONFAILED" in logs_in(server, name, "p\u00e4ss of Ann")
            with smtplib.SMTP(HOST, server.ports["submission"], timeout=120) as client:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                client.starttls(context=context)
                client.ehlo()
                assert "SCRAM" not in client.esmtp_features["auth"]
                client.login(BOB, "his-own-Password")
            device = server.command("account", "app-password", "add", ANN, "--label", "x").strip()
            assert logs_in(server, ANN, device) == "OK"


def test_a_directory_that_is_down_is_nobodys_failure(tmp_path: Path) -> None:
    settings = f'[ldap]\nurl = "ldap://{HOST}:{free_port()}"\nbase = "{BASE}"\n'
    server = Server(tmp_path / "server", doors=("smtp", "imap"), settings=settings)
    server.command("domain", "add", DOMAIN)
    server.command("account", "add", ANN, "--no-password")
    with server:
        for _ in range(12):
            assert "UNAVAILABLE" in logs_in(server, ANN, "whatever")
        device = server.command("account", "app-password", "add", ANN, "--label", "x").strip()
        assert logs_in(server, ANN, device) == "OK"
