#!/bin/sh
# A Chromium for the browser tests: the system's own, installed where apt-get and the right are there.
set -eu
for name in chromium chromium-browser chrome; do
    ! command -v "$name" >/dev/null || exit 0
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install -y -qq chromium >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }
else
    echo "there is no Chromium here: install your system's package (chromium), then try again" >&2
    exit 1
fi
