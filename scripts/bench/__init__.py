"""The benchmarks: `make bench-NAME` is `python -m scripts.bench.NAME`, beside what they share."""
