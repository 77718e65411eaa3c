"""The settings of every room load from one file, with every mistake told at once."""

from pathlib import Path

import pytest

from healer.notification.conduct import Conduct
from healer.notification.wording import Speech
from healer.settings import SettingsError, default_settings, load_settings, parse_settings
from healer.times import DAY, MINUTE, SECOND
from healer.web.settings import split_listen


def complaints(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, environ or {})
    return str(caught.value)


def test_without_a_file_it_is_the_embedded_healer_on_loopback() -> None:
    settings = load_settings(None)
    assert settings == default_settings()
    assert (settings.server.host, settings.server.port, settings.store.path) == ("127.0.0.1", 9099, "data/healer.db")
    assert settings.rules.dry_run
    assert settings.place == "shadow"


def test_an_empty_file_is_the_defaults() -> None:
    assert parse_settings("", {}, "healer.yaml") == default_settings()


def test_the_sketch_of_the_interface_loads(tmp_path: Path) -> None:
    file = tmp_path / "healer.yaml"
    file.write_text(
        """
        server:      {listen: "127.0.0.1:9099", base_url: "http://healer.example/"}
        store:       {url: "sqlite:///data/healer.db"}
        locks:       {backend: local}
        place:       shadow
        topology:
          sources: [{file: topology.yaml}, {labels: [region, rack, host]}]
          nodes:
            - {match: ['alertname=~"KubeNode.*"'], node: "host/{node}"}
            - match: ['job="kube-state-metrics"', 'pod!=""']
              node: ["pod/{namespace}/{pod}", "workload/{namespace}/{pod|owner}"]
            - match: ['job="node-exporter"']
              extract: {instance: '\\[?(?P<addr>[^\\]]+?)\\]?(:\\d+)?'}
              find: {kind: host, address: "{addr}"}
            - match: ['job=~"blackbox.*"']
              extract: {instance: 'https?://(?P<h>[^/:]+).*'}
              find: {alias: "{h}"}
              explains: never
            - {match: ['alertname="TargetDown"'], node: none, explains: never}
        convergence: {window: 10m, slack: 2m, hold: {default: 30s, critical: 15s}, settle: 2m}
        journal:     {max_lag: 100000, retention: 30d}
        health:      {host: 'up{instance="{{ node.instance }}"}'}
        rules:       {packs: [node], paths: [rules/, {path: /etc/team-a}], dry_run: true}
        prometheus:  [{url: "http://127.0.0.1:9090", match: ['cluster="a"']}]
        alertmanager: {urls: ["http://127.0.0.1:9093"]}
        channels:    {here: {type: terminal, last_resort: true, language: zh, zone: Asia/Shanghai}}
        routes:      [{match: ['severity="critical"'], channels: [here]}]
        telemetry:   {otlp: {endpoint: "http://127.0.0.1:4318"}}
        """.replace("\n        ", "\n")
    )
    settings = load_settings(file, {})
    assert settings.topology.files == (tmp_path / "topology.yaml",)
    assert settings.topology.labels == (("region", "rack", "host"),)
    assert [rules.path for rules in settings.rules.paths] == [tmp_path / "rules", Path("/etc/team-a")]
    assert settings.store.path == str(tmp_path / "data/healer.db")
    assert settings.journal.retention == 30 * DAY
    assert settings.convergence == default_settings().convergence
    assert settings.channels["here"].last_resort
    assert settings.channels["here"].speech == Speech("zh", "Asia/Shanghai")
    assert settings.server.url == "http://healer.example"


def test_a_store_on_a_server_has_its_data_folder_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "healer.yaml"
    file.write_text("store: {url: 'postgresql://healer@db/healer?sslmode=verify-full', password: {env: PASSWORD}}")
    store = load_settings(file, {"PASSWORD": "hunter2"}).store
    assert store.url == "postgresql://healer@db/healer?sslmode=verify-full"
    assert store.password is not None
    assert (store.password.reveal(), store.folder) == ("hunter2", tmp_path / "data")
    file.write_text("store: {url: 'postgresql://db/healer', data: /var/lib/healer}")
    assert load_settings(file, {}).store.folder == Path("/var/lib/healer")


def test_one_hold_holds_all() -> None:
    hold = parse_settings("convergence: {hold: 1m}", {}).convergence.hold
    assert (hold.default, hold.critical) == (MINUTE, MINUTE)


def test_the_for_of_a_rule_is_set_by_alertname() -> None:
    convergence = parse_settings("convergence: {for: {KubeNodeNotReady: 15m}}", {}).convergence
    assert convergence.ahead("KubeNodeNotReady") == 15 * MINUTE
    assert convergence.ahead("Other") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serverr: {}", "healer.yaml:1:1: serverr: unknown key; did you mean server?"),
        ("place: shaddow", "did you mean shadow?"),
        (
            'server: {listen: "0.0.0.0:9099"}',
            "server.listen: 0.0.0.0:9099 is reachable from elsewhere: set server.auth",
        ),
        ('server: {listen: ":9099"}', "reachable from elsewhere"),
        ('server: {listen: "healer.example:9099"}', "reachable from elsewhere"),
        ("server: {listen: 9099}", "expected text, found the number 9099: write it in quotes"),
        ('server: {listen: "9099"}', "expected HOST:PORT"),
        ('server: {listen: "::1:9099"}', "expected HOST:PORT"),
        ('server: {listen: "127.0.0.1:70000"}', "expected HOST:PORT"),
        ("server: {tls: {cert: a.pem}}", "server.tls: the key 'key' is missing"),
        ("server: {auth: {bearer: [hunter2]}}", "server.auth.bearer[0]: a secret is a reference"),
        ("store: {url: mysql://x}", "store.url: expected sqlite:///PATH"),
        ("store: {url: 'postgresql://x:hunter2@db/healer'}", "a password does not stand in a URL: write it under"),
        ("store: {url: 'postgresql://db/healer?password=x'}", "a password does not stand in a URL: write it under"),
        ("store: {url: 'postgresql://[db/healer'}", "store.url: this is no URL"),
        ("store: {data: /var/lib/healer}", "store.data: only PostgreSQL has one"),
        ("convergence: {hold: {default: 10s}}", "convergence.hold: critical (15s) is longer than default (10s)"),
        ("convergence: {severities: {x: loud}}", "convergence.severities: x: expected info, warning"),
        ("convergence: {max_untold: 5s}", "max_untold is shorter than hold"),
        ("journal: {max_lag: 0}", "journal.max_lag: expected at least 1"),
        ("journal: {retention: 1h}", "journal.retention: expected at least 1d"),
        ("topology: {sources: [{}]}", "a source has exactly one of: file, labels"),
        ("topology: {sources: [{labels: [a, a]}]}", "topology.sources[0].labels: a label is named twice"),
        ("topology: {nodes: [{match: []}]}", "topology.nodes[0]: a mapping has node, or find, or both"),
        ("topology: {nodes: [{node: 'host/{a'}]}", "topology.nodes[0].node: 'host/{a': a brace is not closed"),
        ("topology: {nodes: [{node: [a, none]}]}", "topology.nodes[0].node[1]: none stands alone"),
        ("topology: {nodes: [{find: {kind: host}}]}", "kind alone finds many"),
        ("topology: {nodes: [{node: a, explains: maybe}]}", "topology.nodes[0].explains: expected always, never or"),
        ("topology: {nodes: [{node: a, extract: {b: '('}}]}", "topology.nodes[0].extract.b: '(' is no regular"),
        (
            "channels: {a: {}}",
            "channels.a: a channel needs a type: one of apprise, dingtalk, email, feishu, feishu_app, pagerduty",
        ),
        ("channels: {a: {type: terminl}}", "channels.a.type: no type of channel is called 'terminl'; did you mean"),
        ("channels: {a: {type: terminal, last_resort: maybe}}", "channels.a.last_resort: expected true or false"),
        ("channels: {a: {type: terminal, language: fr}}", "channels.a.language:"),
        (
            "channels: {a: {type: terminal, template: '{{ x() }}'}}",
            "channels.a.template: line 1: a template cannot do this",
        ),
        ("channels: {a: {type: terminal, zone: Mars/Base}}", "channels.a.zone: no time zone is called 'Mars/Base'"),
        ("channels: {a: {type: terminal, colour: loud}}", "channels.a.colour: expected always, auto or never"),
        ("channels: {a: {type: telegram, token: {env: NO}, chat_id: 1}}", "channels.a.token.env: the environment"),
        ("channels: {a: {type: telegram, token: {env: BAD}, chat_id: []}}", "channels.a.chat_id: expected"),
        (
            "channels: {a: {type: telegram, token: {env: BAD}, chat_id: 1, buttons: webhook}}",
            "channels.a.buttons: webhook needs a secret_token",
        ),
        (
            "channels: {a: {type: telegram, token: {env: BAD}, chat_id: 1, secret_token: {env: BAD}}}",
            "channels.a.secret_token: expected 16 to 256 letters",
        ),
        (
            "channels: {a: {type: telegram, token: {env: BAD}, chat_id: 1, buttons: poll}, b: {type: telegram, "
            "token: {env: BAD}, chat_id: 2, buttons: webhook, secret_token: {env: LONG}}}",
            "channels.b.buttons: a is the same bot: say the same",
        ),
        ("routes: [{channels: [nobody]}]", "routes[0].channels[0]: no channel is called 'nobody'"),
        ("place: lead", "place: lead needs alertmanager.urls"),
        ("rules: {paths: [{owner: a}]}", "rules.paths[0]: the key 'path' is missing"),
        ("prometheus: [9090]", "prometheus[0]: expected a URL"),
        ("prometheus: [{url: 'http://x', auth: {user: a}}]", "user and password go together"),
        ("alertmanager: {every: 0s}", "alertmanager.every: expected at least 1s"),
        ("alertmanager: {pass_on_silences: true}", "alertmanager.pass_on_silences: name the Alertmanagers under urls"),
        ("watchdog: {ping: ftp://x}", "watchdog.ping: expected a URL"),
        ("telemetry: {sample: 2}", "telemetry.sample: expected at most 1"),
        ("executors: {ssh: {port: 0}}", "executors.ssh.port: expected at least 1"),
        ("log: {level: loud}", "log.level: expected debug, error, info or warning"),
    ],
)
def test_a_mistake_names_its_key_and_what_would_be_right(text: str, said: str) -> None:
    assert said in complaints(text, {"BAD": "x", "LONG": "x" * 16})


def test_mistakes_of_all_rooms_are_told_at_once() -> None:
    said = complaints("place: x\njournal: {retention: 1}\nconvergence: {window: a}\nrules: {dry_run: no}\n")
    assert [line.split(":")[1] for line in said.splitlines()] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "localhost:0", "127.8.8.8:9099", "[::1]:9099"])
def test_loopback_needs_no_authentication(listen: str) -> None:
    assert parse_settings(f'server: {{listen: "{listen}"}}', {}).server.listen == listen


def test_with_authentication_it_may_listen_anywhere() -> None:
    server = parse_settings('server: {listen: "[::]:80", auth: {basic: {prom: {env: P}}}}', {"P": "x"}).server
    assert split_listen(server.listen) == ("::", 80)
    assert server.auth.basic["prom"].reveal() == "x"
    assert server.url == "http://localhost:80"


def test_secrets_are_neither_shown_nor_part_of_the_digest() -> None:
    text = "channels: {a: {type: telegram, token: {env: T}, chat_id: 1}}\nwatchdog: {ping: 'https://x/s3cret'}"
    one = parse_settings(text, {"T": "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    other = parse_settings(text, {"T": "123456:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"})
    assert one.digest() == other.digest()
    assert "AAAA" not in repr(one) + one.document().decode()
    assert "s3cret" not in repr(one) + one.document().decode()


def test_the_digest_changes_with_what_decides() -> None:
    digests = {parse_settings(text, {}).digest() for text in ("", "place: only", "convergence: {window: 9m}")}
    assert len(digests) == 3


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file"):
        load_settings(tmp_path / "none.yaml", {})


def test_durations_are_microseconds() -> None:
    assert parse_settings("alertmanager: {every: 5s}", {}).alertmanager.every == 5 * SECOND


def test_every_secret_is_known_to_whoever_keeps_it_out_of_the_log(tmp_path: Path) -> None:
    """The secrets of rooms and those of channels, wherever they stand."""
    (tmp_path / "token").write_text("7000:bot-token")
    settings = parse_settings(
        f"""
        server: {{auth: {{bearer: [{{env: DOOR}}]}}}}
        prometheus: [{{url: "http://127.0.0.1:9090", auth: {{user: ann, password: {{env: WORD}}}}}}]
        channels: {{duty: {{type: telegram, token: {{file: "{tmp_path}/token"}}, chat_id: 1}}}}
        watchdog: {{ping: "http://127.0.0.1/ping/secret-id"}}
        telemetry: {{otlp: {{endpoint: "http://127.0.0.1:4318", headers: {{key: {{env: KEY}}}}}}}}
        """,
        {"DOOR": "door-bearer", "WORD": "pass-word", "KEY": "collector-key"},
    )
    secrets = {"7000:bot-token", "door-bearer", "pass-word", "collector-key", "http://127.0.0.1/ping/secret-id"}
    assert set(settings.secrets()) == secrets


def test_a_route_has_hours_in_a_zone_and_may_go_on() -> None:
    """`continue` is a word of Python's, so it has another name inside."""
    text = "{channels: [x], hours: [sat, '22:00-07:00'], zone: Asia/Tokyo, continue: true}"
    (route,) = parse_settings(f"channels: {{x: {{type: terminal}}}}\nroutes: [{text}]", {}).routes
    assert (route.hours, route.zone, route.go_on) == (("sat", "22:00-07:00"), "Asia/Tokyo", True)


def test_a_route_with_hours_that_are_none_is_refused_where_they_stand() -> None:
    """The line of the hours, and what hours look like."""
    text = "channels: {x: {type: terminal}}\nroutes:\n  - channels: [x]\n    hours:\n      - sat\n      - at night\n"
    assert complaints(text).startswith(
        "healer.yaml:6:9: routes[0].hours[1]: 'at night' are no hours: write 22:00-07:00"
    )
    weekly = "channels: {x: {type: terminal}}\nroutes: [{channels: [x], weekly: friday}]"
    assert "routes[0].weekly: 'friday' is no moment of the week: write mon 09:00" in complaints(weekly)
    assert "no time zone is called 'Mars'" in complaints(text.replace("at night", "sun") + "    zone: Mars\n")


def test_a_fallback_is_another_channel_and_quiet_hours_are_hours() -> None:
    """A name that is no channel, the channel itself, and what cannot be read are refused where they stand."""
    good = "channels: {a: {type: terminal, fallback: b, quiet: [sat], zone: Asia/Tokyo, bundle: false}, b: {type: terminal}}"
    assert parse_settings(good, {}).channels["a"].conduct == Conduct("b", ("sat",), "Asia/Tokyo", bundles=False)
    assert "channels.a.fallback: 'c' is no other channel; other channels: b" in complaints(good.replace("k: b", "k: c"))
    assert "channels.a.fallback: 'a' is no other channel" in complaints(good.replace("k: b", "k: a"))
    assert "channels.a.quiet[0]: 'late' are no hours" in complaints(good.replace("[sat]", "[late]"))
