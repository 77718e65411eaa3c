"""The harness of the benchmarks itself, on the real servers."""
