"""`healer` with a weaker PRAGMA synchronous than promised: what test_sync must notice.

python -m tests.integration.journey.weaker OFF serve --config FILE
"""

import sys
from unittest import mock

from healer.cli.main import main
from healer.store import connections

if __name__ == "__main__":
    level, *arguments = sys.argv[1:]
    pragmas = tuple(each.replace("synchronous = FULL", f"synchronous = {level}") for each in connections._WRITER)
    assert pragmas != connections._WRITER, "the pragma is not where it was"
    with mock.patch.object(connections, "_WRITER", pragmas), mock.patch.object(connections, "_must_hold"):
        sys.exit(main(arguments))
