"""The configuration of bench/healer.yaml in other places."""

FILE = 'url: "sqlite:///data/healer.db"'


def on_server(config: str, store: str, replica: str) -> str:
    """With its store on a server, as one of several."""
    assert FILE in config, "bench/healer.yaml names another store"
    return config.replace(FILE, f'url: "{store}", replica: {replica}')
