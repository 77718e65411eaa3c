"""What is suggested for what a Prometheus has: whole, in an order that works, and nothing for what is not there."""

import pytest
import yaml

from healer.settings import parse_settings
from healer.topology.discovery import CLUES, ORDER, suggest
from healer.topology.shipped import shipped_names

ALL = {clue.name: 1 for clue in CLUES}


def test_every_name_that_ships_has_its_place_in_the_order() -> None:
    assert set(ORDER) == set(shipped_names())
    assert {clue.use for clue in CLUES} - {""} <= set(ORDER)


def test_what_is_needed_is_a_clue_itself() -> None:
    assert {clue.needs for clue in CLUES} - {""} <= ALL.keys()


def test_all_clues_together_load_as_settings() -> None:
    text = yaml.safe_dump(suggest(ALL).settings("http://127.0.0.1:9090"))
    topology = parse_settings(text, {}).topology
    assert len(topology.sources) == sum(len(clue.rows) for clue in CLUES)
    names = [line.name.partition("/")[0] for line in topology.nodes]
    assert list(dict.fromkeys(names))[: len(ORDER)] == list(ORDER)


@pytest.mark.parametrize("clue", CLUES, ids=lambda clue: clue.name)
def test_each_clue_loads_alone(clue: object) -> None:
    """With what it needs: nobody has everything."""
    alone = next(one for one in CLUES if one is clue)
    text = yaml.safe_dump(suggest({alone.name: 3, alone.needs: 1}).settings("http://127.0.0.1:9090"))
    assert parse_settings(text, {}).topology.sources or alone.name == "probes"


def test_what_is_not_there_is_not_suggested() -> None:
    """A service that is scraped says nothing without pods; a database runs on no host where none is known."""
    assert suggest({}).clues == ()
    assert suggest({"services that are scraped": 5, "MySQL on machines": 2}).sources == ()
    assert suggest({"MySQL": 2, "pods": 0}).nodes == ({"use": "mysqld"},)
