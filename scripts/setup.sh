#!/bin/sh
# Make .venv and install a lock file into it, byte-compiled; do nothing when that was done already.
# Usage: scripts/setup.sh laptop|dev      PYTHON=python3.12 chooses the interpreter.
set -eu
lock=$1
stop() { printf 'kanarya: %s\n' "$1" >&2; exit 1; }

cd "$(dirname "$0")/.."
want=$(cat "requirements/$lock.txt" pyproject.toml | cksum | tr ' ' '-')
for stamp in ".venv/.kanarya-$lock" .venv/.kanarya-dev; do
    # The dev lock holds everything of the laptop lock, in the same versions.
    other=$(basename "$stamp"); other=${other#.kanarya-}
    have=$(cat "requirements/$other.txt" pyproject.toml | cksum | tr ' ' '-')
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$have" ] && exit 0
done

suits='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
python=
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && "$candidate" -c "$suits" >/dev/null 2>&1 && { python=$candidate; break; }
done
[ -n "$python" ] || stop "no Python 3.11 to 3.13 with venv was found ($(python3 --version 2>&1)); install one (Debian: python3 python3-venv) or name it: make PYTHON=/path/to/python3.12"

free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
# TensorFlow, in the dev lock alone, is half of it.
need=2500; [ "$lock" = dev ] && need=4000
[ "$free" -ge "$need" ] || stop "the disk has $free MB free here and the environment needs $need MB; free some and run it again"

echo "Setting up .venv from requirements/$lock.txt (once, a minute or two) ..."
rm -f .venv/.kanarya-*
with_uv() {
    uv venv --quiet --allow-existing --python "$("$python" -c 'import sys; print(sys.executable)')" .venv &&
        uv pip install --quiet --python .venv/bin/python --compile-bytecode --require-hashes -r "requirements/$lock.txt"
}
with_pip() {
    [ -x .venv/bin/pip ] || { rm -rf .venv && "$python" -m venv .venv; } &&
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$lock.txt"
}
if uv --version >/dev/null 2>&1; then with_uv; else with_pip; fi ||
    stop "the packages could not be installed (see above): is the package index reachable and the disk not full?"

# A path file instead of an editable build: the checkout itself is what runs, here and in the steps.
# Relative, since Python reads it in the encoding of the locale: under LC_ALL=C a letter like ç in
# it would keep the interpreter from starting.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo ../../../.. > "$site/kanarya-checkout.pth"
# Through sh, since a path with a space cannot stand behind #!; -P, and before all that PYTHONPATH
# names, since a package `scripts` where the user stands or works is not ours.
# shellcheck disable=SC2016  # it is expanded when the command is called
printf '#!/bin/sh\nPYTHONPATH="%s${PYTHONPATH:+:$PYTHONPATH}" exec "%s/.venv/bin/python" -P -m scripts "$@"\n' \
    "$PWD" "$PWD" > .venv/bin/kanarya
chmod +x .venv/bin/kanarya
# Where PYTHONDONTWRITEBYTECODE is set nothing compiles itself later, so it is done here.
.venv/bin/python -m compileall -q -j 0 "$site" components pipelines serving scripts >/dev/null 2>&1 || true
printf '%s' "$want" > ".venv/.kanarya-$lock"
