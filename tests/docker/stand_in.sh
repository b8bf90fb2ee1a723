#!/bin/sh
# Make a stand-in for the official python image where no registry can be reached: Debian, with an
# interpreter of this machine in /usr/local and the certificates that this machine trusts.
# Usage: stand_in.sh PYTHON IMAGE     (root; debootstrap; e.g. stand_in.sh python3.12 stand-in:3.12)
set -eu
python=$1 image=$2
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
root=$(mktemp -d)
chmod 755 "$root"  # it becomes / for every user
trap 'rm -rf "$root"' EXIT
[ "$(id -u)" = 0 ] || { echo "stand_in.sh must be run by root, for debootstrap" >&2; exit 1; }
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
debootstrap --variant=minbase "$suite" "$root" >/dev/null 2>&1
libraries="ca-certificates libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libreadline8
    libsqlite3-0 libssl3 libuuid1 zlib1g"
# shellcheck disable=SC2086 - they are words
chroot "$root" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/locale' sh $libraries
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > "$root/etc/pip.conf"

mkdir -p "$root/usr/local/bin" "$root/usr/local/lib"
cp "$("$python" -c 'import sys; print(sys._base_executable)')" "$root/usr/local/bin/python$version"
ln -s "python$version" "$root/usr/local/bin/python3"
ln -s "python$version" "$root/usr/local/bin/python"
cp "$prefix"/lib/libpython"$version".so* "$root/usr/local/lib/" 2>/dev/null || true
tar -C "$prefix/lib" --exclude=test --exclude=tests --exclude=idlelib --exclude='config-*' \
    --exclude=site-packages -cf - "python$version" | tar -C "$root/usr/local/lib" -xf -
mkdir -p "$root/usr/local/lib/python$version/site-packages"
cp -r "$prefix/lib/python$version/site-packages"/pip* "$root/usr/local/lib/python$version/site-packages/"
chroot "$root" sh -c 'ldconfig; python3 -c "import bz2, ctypes, lzma, sqlite3, ssl, zlib" && python3 -m pip --version' >/dev/null
tar -C "$root" -cf - . | docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' - "$image"
