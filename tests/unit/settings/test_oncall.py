"""Names in rotations, escalations and routes are those that there are, and calendars can be read before healer starts."""

from pathlib import Path

import pytest

from healer.bootstrap import CannotStart, read_plan
from healer.bootstrap.plan import deciding
from healer.settings import SettingsError, load_settings, parse_settings
from tests.unit.notification.oncall.test_ical import WEEK, calendar

GOOD = """
channels: {chat: {type: terminal}, ann-sms: {type: terminal}}
calendars: {}
oncall:
  people: {ann: [ann-sms]}
  schedules:
    primary:
      zone: Europe/Berlin
      holidays: ["2026-12-25"]
      layers: [{people: [ann, chat], from: 2026-01-05 09:00, every: daily}]
      overrides: [{people: [], from: 2026-02-01, to: 2026-02-02 12:00}]
  escalations:
    nights: {steps: [{tell: [primary]}, {after: 15m, tell: [ann, chat]}], repeat: 2}
routes: [{channels: [chat, primary], escalate: [nights]}]
"""


@pytest.mark.parametrize(
    ("good", "wrong", "says"),
    [
        (
            "people: [ann, chat]",
            "people: [bob]",
            "layers[0].people[0]: no person or channel is called 'bob'; there are: ann, chat",
        ),
        (
            "{ann: [ann-sms]}",
            "{ann: [sms]}",
            "oncall.people.ann.channels[0]: no channel is called 'sms'; channels: chat",
        ),
        ("{ann: [ann-sms]}", "{ann: []}", "expected at least one channel"),
        ("tell: [primary]", "tell: [second]", "steps[0].tell[0]: no schedule, person or channel is called 'second'"),
        (
            "escalate: [nights]",
            "escalate: [days]",
            "routes[0].escalate[0]: no escalation is called 'days'; there are: nights",
        ),
        (
            "[chat, primary]",
            "[chat, ann, bob]",
            "routes[0].channels[2]: no schedule, person or channel is called 'bob'",
        ),
        ("after: 15m", "after: 15s", "steps[1].after: expected at least 1m"),
        (
            "2026-12-25",
            "christmas",
            "holidays[0]: 'christmas' is neither a day such as 2026-12-25 nor one of calendars",
        ),
        ("people: {ann", "people: {chat: [chat], ann", "oncall.people.chat: chat is a channel as well"),
        ("every: daily", "every: hourly", "layers[0].every: 'hourly' is no length of a turn"),
        ("repeat: 2", "repeat: 11", "expected at most 10"),
        ("to: 2026-02-02 12:00", "to: 2026-02-01", "overrides[0].to: is not after from"),
        ("zone: Europe/Berlin", "zone: Berlin", "no time zone is called 'Berlin'"),
        ("zone: Europe/Berlin", "ical: {}", "give a file or a url"),
        ("zone: Europe/Berlin", "ical: {file: nowhere.ics}", "nowhere.ics cannot be read: No such file"),
    ],
)
def test_a_mistake_names_its_key_and_what_would_be_right(good: str, wrong: str, says: str) -> None:
    """As of every other part of the settings."""
    assert GOOD.count(good) == 1
    with pytest.raises(SettingsError) as error:
        parse_settings(GOOD.replace(good, wrong), {})
    assert says in str(error.value)


def test_a_configuration_without_a_mistake_is_read() -> None:
    """What the mistakes are made of."""
    assert parse_settings(GOOD, {}).oncall.schedules["primary"].layers[0].people == ("ann", "chat")


def test_a_calendar_that_is_a_file_decides(tmp_path: Path) -> None:
    """Its turns are kept with what decides, and where it is, is not; an address is asked for again and again."""
    (tmp_path / "oncall.ics").write_bytes(calendar(WEEK))
    file, config = "ical: {file: oncall.ics}, zone: Europe/Berlin", tmp_path / "healer.yaml"
    config.write_text(f"oncall: {{schedules: {{a: {{{file}}}, b: {{ical: {{url: {{env: CALENDAR}}}}}}}}}}")
    decides = deciding(load_settings(config, {"CALENDAR": "https://calendar.example/secret"}), ())
    assert [shift.who for shift in decides.shifts["a"]] == ["On Call - Ann Smith - Primary"]
    assert decides.followed == ("b",)
    assert [one.ical for one in decides.oncall.schedules.values()] == [None, None]
    (tmp_path / "oncall.ics").write_bytes(calendar(WEEK.replace("SUMMARY", "RRULE:FREQ=MONTHLY\nSUMMARY")))
    with pytest.raises(SettingsError, match=r"oncall.schedules.a.ical.file: .*line 7: RRULE: FREQ=MONTHLY"):
        load_settings(config, {"CALENDAR": "https://calendar.example/secret"})


@pytest.mark.parametrize("name", ["primary", "ann", "chat"])
def test_a_rule_names_whom_routes_name(tmp_path: Path, name: str) -> None:
    """A schedule, a person, a channel; anybody else stops the start, with whom there is."""
    file = tmp_path / "healer.yaml"
    file.write_text(GOOD + "rules: {paths: [x.heal]}\n")
    rule = tmp_path / "x.heal"
    rule.write_text(f'rule "x"\n  on event: "Down"\n  then: notify("{name}")\n')
    assert [one.text for one in read_plan(load_settings(file)).rules] == [rule.read_text()]
    rule.write_text('rule "x"\n  on event: "Down"\n  then: notify("nobody")\n')
    with pytest.raises(
        CannotStart, match=r"no channel, person or schedule `nobody`[\s\S]*there are: ann, ann-sms, chat, primary"
    ):
        read_plan(load_settings(file))
