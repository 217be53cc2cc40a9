#!/bin/sh
# Make the Debian package from the wheel in dist/: program and pinned libraries below
# /usr/lib/postroom, apart from every other Python package of the machine.
# usage: tools/deb.sh PYTHON
# It fits the Debian or Ubuntu release whose python3 has this Python's version.
set -eu
python=$(realpath "$1/bin/python" --no-symlinks)
cd "$(dirname "$0")/.."
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing: apt-get install dpkg" >&2; exit 1; }

version=$("$python" -c 'import postroom; print(postroom.VERSION)')
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

home="$root/usr/lib/postroom"
packages="$home/lib/python$minor/site-packages"
mkdir -p "$home/bin" "$packages"
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
    --target "$packages" -r requirements/run.txt
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
    --target "$packages" --upgrade "dist/postroom-$version-py3-none-any.whl"
rm -rf "$packages/bin" # programs that begin with the path of this build
# A virtual environment without its tools: Python's own, our packages.
ln -s "/usr/bin/python$minor" "$home/bin/python"
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$home/pyvenv.cfg"

mkdir -p "$root/usr/bin" "$root/usr/share/doc/postroom" "$root/usr/share/man/man1" \
    "$root/usr/share/man/man5" "$root/usr/share/bash-completion/completions" \
    "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
printf '#!/bin/sh\nexec /usr/lib/postroom/bin/python -I -m postroom "$@"\n' >"$root/usr/bin/postroom"
chmod 755 "$root/usr/bin/postroom"
"$python" tools/man.py "$root/man"
gzip -9n "$root/man/postroom.1" "$root/man/postroom.toml.5"
mv "$root/man/postroom.1.gz" "$root/usr/share/man/man1/"
mv "$root/man/postroom.toml.5.gz" "$root/usr/share/man/man5/"
rmdir "$root/man"
"$python" -m postroom completion bash >"$root/usr/share/bash-completion/completions/postroom"
"$python" -m postroom completion zsh >"$root/usr/share/zsh/vendor-completions/_postroom"
"$python" -m postroom completion fish >"$root/usr/share/fish/vendor_completions.d/postroom.fish"
cp packaging/debian/copyright "$root/usr/share/doc/postroom/"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/postroom/changelog.gz"

mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@PYTHON@/$minor/" \
    -e "s/@NEXT@/$next/" packaging/debian/control >"$root/DEBIAN/control"
for script in postinst prerm postrm; do
    install -m 755 "packaging/debian/$script" "$root/DEBIAN/$script"
done
chmod -R u+rwX,go+rX,go-w "$root/usr"
dpkg-deb --root-owner-group --build "$root" "dist/postroom_${version}_$architecture.deb"
