"""What a crash leaves behind: tasks of a frozen incarnation never run, so some never began. That is no mistake of the service."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """They are thrown away here, and not in whichever test comes after."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)
        yield
        gc.collect()
