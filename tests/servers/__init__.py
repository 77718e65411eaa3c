"""Real servers for tests: each starts on a free loopback port in a folder of its own and reports its own version."""
