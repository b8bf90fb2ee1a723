#!/bin/sh
# Take out of installed packages what no program imports, then compile the rest, once.
# Usage: slim_packages.sh PYTHON [FILES_NEWER_THAN]   (used by the Dockerfiles, inside the build)
set -eu
python=$1 newer=${2:+-newer $2}
cd "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
find . -depth -type d \( -name tests -o -name testing_data \) -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.h' -o -name '*.hpp' \
    -o -name '*.cc' -o -name '*.a' -o -name '*.map' \) -delete
# A file that changed is a new image: nothing is looked at twice, and the process may write nowhere.
# shellcheck disable=SC2086 - two words, or none
find . -name '*.py' $newer | "$python" -m compileall -q -j 0 -i - --invalidation-mode unchecked-hash ||
    true  # some libraries carry templates and files for another Python
