"""The packs that ship with healer: they compile without a word, only suggest, and prove themselves by their own tests."""

from pathlib import Path

import pytest

from healer.rehearsal.trial import Tried, attempt
from healer.remediation.abilities import LACKS
from rules import Execute, RuleSet, Source, Trial, compile_files, pack_names, path_of_pack
from tests.stock.table import kept

PACKS = ("certificates", "database", "deployment", "drill", "kafka", "kubernetes", "linux", "node", "requests", "slo")
FROM_MIXINS = {
    *("KubeNodeNotReady", "KubeNodeReadinessFlapping", "KubeNodeUnreachable"),
    *("NodeFilesystemAlmostOutOfSpace", "NodeFilesystemSpaceFillingUp"),
    *("NodeFilesystemAlmostOutOfFiles", "NodeClockSkewDetected", "NodeClockNotSynchronising"),
    *("NodeMemoryHighUtilization", "NodeSystemdServiceFailed", "NodeFileDescriptorLimit"),
    *("KubePodCrashLooping", "KubeContainerWaiting", "KubeDeploymentRolloutStuck", "KubePersistentVolumeErrors"),
    *("KubePersistentVolumeFillingUp", "KubeNodeEviction", "KubePodNotReady", "KubeJobFailed"),
    *("KubeletClientCertificateExpiration", "KubeletServerCertificateExpiration", "KubeAPIErrorBudgetBurn"),
}
"""The stock alerts that a pack has to have an answer to."""
MODES = {"RemediationRequested": "approve", "HealerDrill": "auto"}
"""By event, how far a rule goes that is no answer to an alert, but to somebody who wants it, or to a canary's."""


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """All packs together."""
    compiled = compile_files([], packs=True, lacks=LACKS)
    assert compiled.ruleset is not None, compiled.problems
    assert compiled.problems == ()
    return compiled.ruleset


@pytest.fixture(scope="module")
def tried(ruleset: RuleSet) -> dict[str, list[Tried]]:
    """By pack, its tests, played by its own rules alone."""
    found: dict[str, list[Tried]] = {}
    for name in pack_names():
        alone = compile_files([], packs=[name], lacks=LACKS).ruleset
        assert alone is not None
        found[name] = [attempt(trial, alone) for trial in alone.tests if trial.path == path_of_pack(name)]
    return found


def test_the_packs_that_there_are(ruleset: RuleSet) -> None:
    """Each kind of thing that people run has one, and each pack compiles alone as it does beside the others."""
    assert pack_names() == PACKS
    for name in PACKS:
        assert compile_files([], packs=[name], lacks=LACKS).problems == ()


def test_every_test_of_every_pack_passes(tried: dict[str, list[Tried]]) -> None:
    failed = {one.trial.name: one.failures for each in tried.values() for one in each if not one.passed}
    assert failed == {}


def test_every_rule_has_a_test_that_expects_something_and_one_that_expects_nothing(
    ruleset: RuleSet, tried: dict[str, list[Tried]]
) -> None:
    """By what happened: some test of its pack has it started, and another, with an alert that it listens to, nothing."""
    trials = [one.trial for each in tried.values() for one in each]
    stories = [line for each in tried.values() for one in each for line in one.happened]
    for rule in ruleset.rules:
        mine = [trial for trial in trials if trial.path == rule.path and _listens(trial, rule.name, ruleset)]
        assert any(f"{rule.name}: " in story for story in stories), f"no test starts {rule.name!r}"
        assert any(not _expects_nothing(trial) for trial in mine), rule.name
        assert any(_expects_nothing(trial) for trial in mine), f"no test leaves {rule.name!r} alone"


def _listens(trial: Trial, rule: str, ruleset: RuleSet) -> bool:
    names = {dict(alert.labels)["alertname"] for alert in trial.alerts}
    return any(one.name == rule for name in names for one in ruleset.listening(name))


def _expects_nothing(trial: Trial) -> bool:
    return [one.form for one in trial.expects] == ["nothing"]


def test_packs_only_suggest_and_say_what_to_read(ruleset: RuleSet) -> None:
    """Nothing of them acts because of an alert, but on canaries; every rule has a runbook, and what is destructive a limit and a
    verification of its own."""
    for rule in ruleset.rules:
        assert rule.mode == MODES.get(rule.on_event[0], "suggest"), rule.name
        assert rule.runbook, rule.name
        if any(step.action.destructive for step in rule.then if isinstance(step, Execute)):
            assert not {"limit", "verify"} & set(rule.defaults), rule.name


def test_stock_alerts_are_listened_to(ruleset: RuleSet) -> None:
    """The names are those of the rules that people have already."""
    assert {labels["alertname"] for labels in kept()} >= FROM_MIXINS
    assert [name for name in sorted(FROM_MIXINS) if not ruleset.listening(name)] == []


def test_a_rule_of_ones_own_takes_the_place_of_a_shipped_one(ruleset: RuleSet) -> None:
    """By its name, with a warning that says so; tests of the pack say nothing about it."""
    text = 'rule "run a failed job again"\n  on event: "JobFailed"\n  then: execute("run_job", template: node.name)\n'
    text += "  verify: resolved\n  limit: 1 per 1h per node\n  mode: approve\n"
    compiled = compile_files([Source("own.heal", text)], packs=True)

    assert compiled.ruleset is not None
    assert [(one.code, one.path) for one in compiled.problems] == [("W0206", "own.heal")]
    own = compiled.ruleset.named("run a failed job again")
    assert own is not None
    assert (own.path, own.mode) == ("own.heal", "approve")
    assert len(compiled.ruleset.rules) == len(ruleset.rules)


def test_the_page_of_packs_lists_every_rule(ruleset: RuleSet) -> None:
    """docs/packs.md has a row for each, with its events and what it would run."""
    page = (Path(__file__).parents[3] / "docs" / "packs.md").read_text("utf-8")
    rows = []
    for rule in ruleset.rules:
        events = ", ".join(f"`{event}`" for event in rule.on_event).replace("|", "\\|")
        runs = ", then ".join(f"`{step.action.name}`" for step in rule.then if isinstance(step, Execute))
        rows.append(f"| {rule.name} | {events} | {runs} |")
    listed = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| rule", "| ---"))]
    assert sorted(listed) == sorted(rows)


def test_ones_own_rules_come_before_shipped_ones() -> None:
    """At the same priority, and without a word: whoever writes a rule for an alert wants it."""
    text = 'rule "mine"\n  on event: "NodeSystemdServiceFailed"\n  then: execute("collect_diagnostics")\n'
    compiled = compile_files([Source("own.heal", text)], packs=["linux"])
    assert compiled.ruleset is not None
    assert compiled.problems == ()
    names = [rule.name for rule in compiled.ruleset.listening("NodeSystemdServiceFailed")]
    assert names == ["mine", "restart a failed systemd unit"]
