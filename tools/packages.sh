#!/bin/sh
# Install the Debian packages that the tests (test), the interop tests (interop) or the
# benchmarks (bench) use. Only root can; for others, and where apt-get fails, say what is missing
# and how to get it. A missing package makes tests and benchmarks leave out a part, which they
# say; interop can't do without.
set -eu

case "${1:-}" in
test) wanted="postgresql:/usr/lib/postgresql/*/bin/initdb:initdb" ;;
# swaks says TLS only with libnet-ssleay-perl, which it merely recommends.
interop) wanted="swaks sieve-connect libnet-ssleay-perl:/usr/lib/*/perl5/*/Net/SSLeay.pm:/usr/share/perl5/Net/SSLeay.pm
    curl msmtp neomutt isync::mbsync fetchmail getmail6::getmail offlineimap3::offlineimap
    postfix:/usr/sbin/postfix nsd:/usr/sbin/nsd strace pebble dovecot-sieve::sieve-test dovecot-imapd:/usr/lib/dovecot/imap
    dovecot-lmtpd:/usr/lib/dovecot/lmtp xfsprogs:/sbin/mkfs.xfs:/usr/sbin/mkfs.xfs clamav-daemon:/usr/sbin/clamd
    bind9:/usr/sbin/named chromium spamassassin:/usr/bin/spamassassin spamd:/usr/sbin/spamd rspamd
    opendkim:/usr/sbin/opendkim slapd:/usr/sbin/slapd debootstrap:/usr/sbin/debootstrap iproute2::ip" ;;
bench) wanted="postfix:/usr/sbin/postfix dovecot-lmtpd:/usr/lib/dovecot/lmtp
    dovecot-imapd:/usr/lib/dovecot/imap isync::mbsync" ;;
*)
    echo "usage: $0 test|interop|bench" >&2
    exit 2
    ;;
esac

# Each word is package[:path or program[:another]]; the package's own name by default.
present() {
    for place in $(echo "$1" | tr ':' ' '); do
        for file in $place; do
            if [ -e "$file" ] || command -v "$file" >/dev/null 2>&1; then return 0; fi
        done
    done
    return 1
}

missing=""
for word in $wanted; do
    places=${word#*:}
    present "$places" || missing="$missing ${word%%:*}"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian packages: $missing"
    # Packaged daemons must not start: the tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    if apt-get update -qq </dev/null &&
        apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null; then
        exit 0
    fi
    echo "apt-get could not install: $missing" >&2
else
    echo "Not installed: $missing. As root: apt-get install $missing" >&2
fi
[ "$1" != interop ]
