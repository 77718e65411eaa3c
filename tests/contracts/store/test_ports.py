import inspect

import pytest

from healer.journey.ports import Journal, StepStore
from healer.notification.ports import ToldLedger
from healer.remediation.ports import EffectStore
from healer.store.store import Store
from healer.survey.gathering import Answers
from healer.web.ports import Projections


def each_port(store: Store) -> tuple[Journal, StepStore, EffectStore, ToldLedger, Projections, Answers]:
    """For the type checker: the store is each of these, without a cast."""
    return (store, store, store, store, store, store)


@pytest.mark.parametrize("port", [Journal, StepStore, EffectStore, ToldLedger, Projections, Answers])
def test_the_store_has_every_method_of_every_port(port: type) -> None:
    """A method that a room asks for is there, with the same parameters."""
    for name, wanted in inspect.getmembers(port, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(Store, name)).parameters == inspect.signature(wanted).parameters, name
