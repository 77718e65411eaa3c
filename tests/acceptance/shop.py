"""The world of the acceptance tests, as files: a host, the shop on it, and all that breaks with it. Used by `road`."""

from collections.abc import Mapping

HOST = "host/web1"
UNIT = "shop.service"
TOKEN = "8080:stand-in"
CHAT = 4711

SYMPTOMS = ("Errors", "Slow", "QueueGrows", "CacheMisses", "CheckoutFails", "LoginFails", "JobsLate", "FeedStale")
SEVERITIES = ("warning", "error", "critical")
THINGS = tuple(f"thing-{number:02}" for number in range(24))
"""What depends on the shop: each has an alert of its own, with a `for:` of its own."""

SERVICE_DOWN_FOR_S = 4
"""The cause is not the first to fire: some symptoms have a shorter `for:`, some a longer one."""


def symptom(number: int) -> str:
    """The alertname of a thing."""
    return f"{SYMPTOMS[number % len(SYMPTOMS)]}Of{number:02}"


def for_s(number: int) -> int:
    """The `for:` of a thing's alert, 1 to 8 seconds."""
    return 1 + number % 8


def topology() -> str:
    """host -> shop -> things; a third of the things hang below another thing."""
    lines = [
        "nodes:",
        "  - {id: rack/r1, kind: rack}",
        f"  - {{id: {HOST}, kind: host, address: 127.0.0.1}}",
        "  - {id: service/shop, kind: service}",
    ]
    lines += [f"  - {{id: service/{thing}, kind: service}}" for thing in THINGS]
    lines += ["edges:", f"  - [rack/r1, {HOST}]", f"  - [{HOST}, service/shop]"]
    for number, thing in enumerate(THINGS):
        above = THINGS[number // 3] if number % 3 == 1 else "shop"
        lines.append(f"  - [service/{above}, service/{thing}]")
    return "\n".join(lines) + "\n"


def alert_rules() -> str:
    """Prometheus' rules: the cause, what follows from it, and an alert that says nothing but that the host is there."""
    rules = [
        _rule("ServiceDown", 'up{job="shop"} == 0', SERVICE_DOWN_FOR_S, {"severity": "critical", "service": "shop"}),
        _rule("HostInventory", "vector(1)", 0, {"severity": "none", "host": "web1"}),
    ]
    for number, thing in enumerate(THINGS):
        severity = SEVERITIES[number % len(SEVERITIES)]
        labels = {"severity": severity, "service": thing}
        rules.append(_rule(symptom(number), f'thing_works{{thing="{thing}"}} == 0', for_s(number), labels))
    return "groups:\n  - name: shop\n    interval: 1s\n    rules:\n" + "".join(rules)


def _rule(name: str, expression: str, wait_s: int, labels: Mapping[str, str]) -> str:
    said = ", ".join(f'{key}: "{value}"' for key, value in labels.items())
    return (
        f"      - alert: {name}\n        expr: '{expression}'\n        for: {wait_s}s\n        labels: {{{said}}}\n"
        f"        annotations: {{summary: '{name}'}}\n"
    )


def scrapes(shop: str, things: str) -> str:
    """What Prometheus scrapes beside healer and Alertmanager; addresses are HOST:PORT."""
    return (
        "  - job_name: shop\n    scrape_timeout: 1s\n    static_configs:\n"
        f"      - targets: ['{shop}']\n        labels: {{host: web1}}\n"
        "  - job_name: things\n    scrape_timeout: 1s\n    static_configs:\n"
        f"      - targets: ['{things}']\n"
    )


RULES = """
rule "restart the shop"
  on event: "ServiceDown"
  when: severity >= critical AND labels.service == "shop"
  then: execute("restart_service", unit: "shop.service", on: nearest(host), timeout: 20s)
  verify: resolved AND query("up{job='shop',host='web1'}") == 1 stable 3s within 60s
  limit: 5 per 1h per node
  mode: auto
"""


STORE = "sqlite:///data/healer.db"


SETTLE = "3s"


def settings(place: str, urls: Mapping[str, str], ssh: Mapping[str, object], store: str, settle: str) -> str:
    """healer's configuration. `urls`: of prometheus, alertmanager, telegram and collector."""
    waits = {symptom(number): f"{for_s(number)}s" for number in range(len(THINGS))}
    waits["ServiceDown"] = f"{SERVICE_DOWN_FOR_S}s"
    fors = ", ".join(f"{name}: {wait}" for name, wait in waits.items())
    return f"""
server:
  listen: 127.0.0.1:9099
  auth: {{bearer: [{{file: healer.token}}]}}
place: {place}
store: {{url: "{store}"}}
topology:
  sources: [{{file: topology.yaml}}]
  nodes:
    - {{match: ['service=~".+"'], node: "service/{{service}}"}}
    - {{match: ['host=~".+"'], node: "host/{{host}}"}}
convergence:
  hold: {{default: 8s, critical: 7s}}
  settle: {settle}
  for: {{{fors}}}
rules: {{paths: [shop.heal], dry_run: false}}
prometheus: ["{urls["prometheus"]}"]
alertmanager: {{urls: ["{urls["alertmanager"]}"], every: 2s, silences_every: 1s}}
channels:
  duty: {{type: telegram, token: {{file: telegram.token}}, chat_id: {CHAT}, api_url: "{urls["telegram"]}"}}
executors:
  ssh: {{user: {ssh["user"]}, port: {ssh["port"]}, keys: [{ssh["key"]}], known_hosts: {ssh["known_hosts"]},
    wrapper: {ssh["wrapper"]}, go_wait_s: 5, margin: 5s}}
telemetry: {{otlp: {{endpoint: "{urls["collector"]}"}}}}
log: {{level: info}}
"""
