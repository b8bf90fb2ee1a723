#!/bin/sh
# Fuzz every decoder for an equal share of the time, in an environment of the fuzzer's own.
# Usage: tests/fuzz/run.sh MINUTES      What is found is left below .fuzz, and the exit code is 1.
set -eu
minutes=$1
cd "$(dirname "$0")/../.."
python=.fuzz/venv/bin/python

# atheris has wheels for CPython on Linux only; its coverage needs a version that it knows.
[ -x $python ] || .venv/bin/uv venv --quiet --python 3.11 .fuzz/venv
.venv/bin/uv pip install --quiet --python $python atheris==3.0.0 -r requirements/serving.txt

rc=0
targets="v1 v2 binary images files grpc http"
for target in $targets; do
    seconds=$((minutes * 60 / $(echo $targets | wc -w)))
    echo "$target: $seconds s ..."
    $python -m tests.fuzz.run "$target" "$seconds" .fuzz/found > ".fuzz/$target.log" 2>&1 ||
        { rc=1; tail -n 25 ".fuzz/$target.log"; }
    grep -a "^Done" ".fuzz/$target.log" || true
done
exit $rc
