"""What a rule may need on its other way: everything that asks what rules need counts the ways that their actions fall back to."""

from healer.cli import allowed, rbac
from healer.cli.needed import examine_rules
from healer.settings import parse_settings
from tests.unit.rules.build import ruleset

RULES = ruleset("""
action "restart"
  run: kubernetes "rollout_restart"
  fallback: ssh ["/usr/bin/systemctl", "restart", "shop.service"]
  accepts: host
  timeout: 30s

action "reboot"
  run: ssh ["/usr/bin/systemctl", "reboot"]
  fallback: kubernetes "delete_pod"
  accepts: host
  timeout: 30s

rule "r"
  on event: "A"
  then: execute("restart")
        execute("reboot")
""")


def test_commands_of_machines() -> None:
    """The allow-list has the argv that is fallen back to."""
    assert allowed.lines(RULES) == ["/usr/bin/systemctl reboot", "/usr/bin/systemctl restart shop.service"]


def test_roles_of_a_cluster() -> None:
    """The account may make the calls that are fallen back to."""
    assert rbac.calls(RULES) == {"rollout_restart", "delete_pod"}


def test_executors() -> None:
    """An executor that is fallen back to, and is not set up, is told."""
    (one,) = examine_rules(RULES, parse_settings("executors: {kubernetes: {}}", {}).executors)
    assert "needs the executor ssh, which is not set up" in one.what
