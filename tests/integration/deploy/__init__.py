"""What deploy/ holds, against the real tools and servers."""
