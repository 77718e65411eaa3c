"""The whole service in one thread, in virtual time, under seeded faults: what a promise means when things go wrong."""
