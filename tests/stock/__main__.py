"""`python -m tests.stock` makes labels.json anew; with the name of a page it writes the table into that page as well."""

import json
import sys
import tempfile
from pathlib import Path

from tests.stock.table import KEPT, rewritten
from tests.stock.world import evaluated


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = evaluated(Path(folder))
    KEPT.write_text("[\n" + ",\n".join(json.dumps(labels, sort_keys=True) for labels in found) + "\n]\n")
    for page in map(Path, sys.argv[1:]):
        page.write_text(rewritten(page.read_text("utf-8")), "utf-8")


main()
