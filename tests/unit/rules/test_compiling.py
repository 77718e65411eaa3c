"""From files to a rule set: defaults, what ships, who wins, who listens."""

import re

import pytest

from rules import DEFAULT_LIMITS, DISTRIBUTION, Execute, Source, compile_files, pack_names
from tests.unit.rules.build import SECOND, SEED, compiled, rule, ruleset, verdict

CATALOGUE = {
    "kubernetes": "delete_pod evict_pod rollout_restart rollout_undo scale cordon_node uncordon_node drain_node "
    "delete_job run_job patch",
    "ssh": "run_command restart_service reboot_node clean_disk rotate_logs kill_process renew_lease collect_diagnostics",
    "redfish": "power_cycle power_on graceful_restart set_boot_once",
    "http": "call_webhook trigger_pipeline",
    "helm": "helm_rollback",
}


def test_the_first_snippet_compiles_as_it_stands() -> None:
    """The nameless rule is named after its file, with the metric, the action and the defaults that ship."""
    result = compiled(SEED, "rules/health-check-fail.heal")

    assert [problem.code for problem in result.problems] == ["W0201", "W0204"]
    assert result.ruleset is not None
    (found,) = result.ruleset.rules
    assert (found.name, found.on_event, found.mode) == ("health-check-fail", ("node_unreachable",), "suggest")
    assert found.limits == DEFAULT_LIMITS
    assert found.verify.text == "healthy(node) stable 5m within 15m"
    assert (found.verify.stable, found.verify.within) == (300 * SECOND, 900 * SECOND)
    assert found.defaults == ("mode", "verify", "limit")
    assert found.asks
    (step,) = found.then
    assert isinstance(step, Execute)
    assert (step.action.name, step.timeout, step.retry) == ("reboot_node", 45 * SECOND, 2)


def test_white_space_and_case_mean_nothing() -> None:
    """The same rule on one line, with keywords in another case and comments between, means the same."""
    lines = 'rule "r"\n  on event: "X"\n  when: suppressed > 3 AND NOT resolved\n  then: notify("a")\n  mode: auto\n'
    line = 'RULE "r" On  Event : "X" # so\n WHEN: suppressed>3 and not resolved then:notify( "a" )mode: AUTO'

    one, two = ruleset(lines).rules[0], ruleset(line).rules[0]

    assert one.when is not None
    assert two.when is not None
    assert (one.on_event, one.then, one.mode) == (two.on_event, two.then, two.mode)


def test_clause_words_are_free_elsewhere() -> None:
    """The colon makes the clause: its word can be a label, a metric or an action's parameter."""
    text = """
        metric limit: number = query("x")
        action "a" run: ssh ["/bin/a", "{mode}", "{run}"] with: mode: integer, run: integer accepts: host
        rule "when: then" on event: "then: x"
          when: limit > 3 AND labels.when == "mode: auto"
          then: execute("a", mode: 1, run: 2)
    """
    (found,) = ruleset(text).rules

    assert (found.name, found.on_event) == ("when: then", ("then: x",))


def test_all_clauses_of_today() -> None:
    """Every clause that is built reaches the rule as it was written."""
    found = rule(
        '  on event: "A", "B.*"\n'
        "  verify: resolved AND healthy(target) stable 2m within 10m\n"
        '  otherwise: execute("collect_diagnostics") notify("oncall")\n'
        "  limit: 2 per 1h per labels.env\n"
        "  mode: approve\n  priority: -5\n"
        '  runbook: "https://runbooks.example.com/a"\n'
    )

    assert (found.mode, found.priority, found.runbook) == ("approve", -5, "https://runbooks.example.com/a")
    assert (found.verify.stable, found.verify.within) == (120 * SECOND, 600 * SECOND)
    assert found.verify.text == "resolved AND healthy(target) stable 2m within 10m"
    assert [limit.text for limit in found.limits] == ["2 per 1h per labels.env"]
    assert len(found.otherwise) == 2
    assert found.defaults == ()


def test_a_metric_of_ones_own_wins() -> None:
    """A metric of the same name as a shipped one replaces it, without a word."""
    text = 'metric cpu_load: percentage = query("mine")\n' + SEED

    found = ruleset(text)

    assert found.metrics["cpu_load"].path == "rules/mine.heal"
    assert {"memory_used", "disk_used", "load", "error_rate", "latency_p99"} <= found.metrics.keys()


def test_an_action_of_ones_own_wins_and_is_told() -> None:
    """An action of the same name as a shipped one replaces it, with a warning."""
    result = compiled('action "restart_service" run: ssh ["/bin/true"] accepts: host')

    assert result.ruleset is not None
    assert result.ruleset.actions["restart_service"].run.argv == ("/bin/true",)
    assert [problem.code for problem in result.problems] == ["W0206"]


def test_the_catalogue_is_complete() -> None:
    """Every action of the catalogue is declared, with its executor, and what it leaves out is careful."""
    actions = compiled("").ruleset.actions  # type: ignore[union-attr] # an empty file compiles

    for executor, names in CATALOGUE.items():
        assert {name for name, action in actions.items() if action.run.executor == executor} == set(names.split())
    assert actions["collect_diagnostics"].diagnostic
    assert not actions["collect_diagnostics"].destructive
    assert actions["uncordon_node"].closing
    assert actions["cordon_node"].opposing == "uncordon_node"
    assert {name for name, a in actions.items() if a.silences_source} == {
        *("reboot_node", "delete_pod", "evict_pod", "drain_node", "delete_job", "power_cycle", "graceful_restart")
    }
    assert actions["restart_service"].fence == "target"
    assert actions["power_cycle"].fence == "none"
    ours = ruleset('action "mine" run: ssh ["/bin/true"]').actions["mine"]
    assert (ours.destructive, ours.idempotent) == (True, False)


def test_what_ships_compiles_without_a_warning() -> None:
    """The shipped packs have no problem of their own, and every rule in them only suggests what to do about an alert."""
    result = compile_files([])

    assert result.problems == ()
    assert result.ruleset is not None
    assert {found.path for found in result.ruleset.rules} == {f"packs/{name}.heal" for name in pack_names()}
    for found in result.ruleset.rules:
        assert found.mode == "suggest" or found.path in ("packs/drill.heal", "packs/requests.heal")
        assert found.runbook
        assert found.defaults == ()


def test_packs_can_be_chosen() -> None:
    """Packs are taken by name, or none; one that does not exist is an error of the caller."""
    assert compile_files([], packs=["node"]).ruleset.rules  # type: ignore[union-attr] # it compiles
    assert compile_files([], packs=False).ruleset.rules == ()  # type: ignore[union-attr] # it compiles
    with pytest.raises(ValueError, match="there is no pack 'nodes'"):
        compile_files([], packs=["nodes"])


def test_the_version_is_that_of_the_text() -> None:
    """The same text has the same version; a change of a rule or of a metric it uses is another version."""
    text = """
        metric m: number = query("a")
        rule "r" on event: "X" when: m > 3 then: notify("x")
        rule "s" on event: "Y" then: notify("x")
    """

    first, same, other = (ruleset(t).rules for t in (text, text, text.replace('"a"', '"b"')))

    assert [r.version for r in first] == [r.version for r in same]
    assert first[0].version != other[0].version
    assert first[1].version == other[1].version
    assert ruleset(text).version != ruleset(text + "# more").version


def test_listening_is_ordered_and_whole() -> None:
    """Who listens: whole-name matches of literals and patterns, by priority, then in the order of the files."""
    text = "".join(
        f'rule "{name}" on event: {events} then: notify("x") priority: {priority}\n'
        for name, events, priority in (
            ("a", '"HostDown"', 0),
            ("b", '"Host.*"', 10),
            ("c", '"Down"', 0),
            ("d", '"Other", "(?i)hostdown"', 0),
            ("e", '"HostDown|X"', 10),
        )
    )
    rules = ruleset(text)

    assert [found.name for found in rules.listening("HostDown")] == ["b", "e", "a", "d"]
    assert [found.name for found in rules.listening("HostDown")] == ["b", "e", "a", "d"]
    assert rules.listening("x\ud800") == ()
    for name in ("HostDown", "HostUp", "Down", "hostdown", "X"):
        assert set(rules.listening(name)) == {found for found in rules.rules if found.listens_to(name)}


def test_names_from_outside_do_not_fill_the_memory() -> None:
    """The cache of who listens is bounded, however many names come in."""
    rules = ruleset(SEED)

    for number in range(10_000):
        rules.listening(f"hostile{number}")

    assert len(rules._cache) <= 4096


def test_severities_of_ones_own() -> None:
    """The levels and their order come from the settings."""
    text = 'rule "r" on event: "X" when: severity >= page then: notify("x")'

    result = compile_files([Source("x.heal", text)], packs=False, severities=("ticket", "page"))

    assert result.problems == ()
    assert verdict("severity >= error").value is True
    assert re.search("page", compiled(text).problems[0].message)


def test_a_tab_and_crlf_are_white_space() -> None:
    """Files of other editors compile, and a byte order mark is skipped."""
    text = b"\xef\xbb\xbf" + SEED.replace("\n", "\r\n").replace(" AND ", "\tAND\t").encode()

    assert compile_files([Source("x.heal", text)], packs=False).ruleset is not None


def test_diagnostics_are_known_as_such() -> None:
    """A rule whose actions change nothing says so, because it runs in every mode but observe."""
    assert rule('  then: execute("collect_diagnostics")').diagnostic
    assert not rule('  then: execute("collect_diagnostics") execute("restart_service", unit: "a")').diagnostic
    assert not rule('  then: notify("x")').diagnostic


def test_the_package_is_ours() -> None:
    """The sentinel by which the service notices that another distribution overwrote this package."""
    assert DISTRIBUTION == "healer"
