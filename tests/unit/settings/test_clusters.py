"""Several clusters by name: how each is reached, and a name that nobody knows."""

from pathlib import Path

import pytest

from healer.executors.kubernetes.settings import KubernetesSettings, Reached
from healer.settings import parse_settings
from healer.settings.load import SettingsError

NORTH = Path("/etc/healer/north")


def test_one_cluster_has_no_name() -> None:
    """As ever: the account of the pod, or a kubeconfig."""
    assert KubernetesSettings().reached == {"": Reached()}
    assert KubernetesSettings(kubeconfig=NORTH).reached == {"": Reached(kubeconfig=NORTH)}


def test_of_several_clusters_each_has_one() -> None:
    """A target without a name is in none of them, unless a kubeconfig stands beside them."""
    named = {"north": Reached(kubeconfig=NORTH), "here": Reached()}
    assert KubernetesSettings(clusters=named).reached == named
    assert KubernetesSettings(context="old", clusters=named).reached == {"": Reached(context="old"), **named}


def test_what_is_asked_for_sits_on_a_node_of_its_own() -> None:
    """By a line before all others, where requests are heard, and nowhere else."""
    (first, *_) = parse_settings("executors: {kubernetes: {remediations: {}}}", {}).topology.nodes
    assert (first.name, first.explains) == ("remediations", "never")
    assert parse_settings("executors: {kubernetes: {}}", {}).topology.nodes == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "executors: {kubernetes: {clusters: {north: {}}}}\ntopology: {sources: [{kubernetes: {cluster: south}}]}",
            "executors.kubernetes.clusters has no 'south'; there are north",
        ),
        ("topology: {sources: [{kubernetes: {cluster: south}}]}", "there are none"),
        ("executors: {kubernetes: {clusters: {'North/1': {}}}}", "executors.kubernetes.clusters"),
    ],
)
def test_a_name_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    """With the names that there are."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, {})
    assert said in str(refused.value)
