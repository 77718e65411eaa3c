"""The whole service as people run it, among real servers: what it promises, seen from outside."""
