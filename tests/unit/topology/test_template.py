"""Ids are made of labels, wholly or not at all."""

import pytest

from healer.topology.template import Template, TemplateError


@pytest.mark.parametrize(
    ("text", "labels", "made"),
    [
        ("host/{node}", {"node": "web1"}, "host/web1"),
        ("host/{node}", {}, None),
        ("host/{node}", {"node": ""}, None),
        ("{namespace}/{pod}", {"namespace": "a", "pod": "b"}, "a/b"),
        ("{namespace}/{pod}", {"namespace": "a"}, None),
        ("fixed", {}, "fixed"),
        ("{a|lower}.x", {"a": "AbC"}, "abc.x"),
        ("{a|host}", {"a": "web1:9100"}, "web1"),
        ("{a|host}", {"a": "[fe80::1]:9100"}, "fe80::1"),
        ("{a|host}", {"a": "fe80::1"}, "fe80::1"),
        ("{a|host}", {"a": "https://Web1.example:8443/x?y"}, "web1.example"),
        ("{a|host}", {"a": "http://[bad"}, None),
        ("{a|host}", {"a": "web1"}, "web1"),
        ("{a|port}", {"a": "web1:9100"}, "9100"),
        ("{a|port}", {"a": "[::1]:9100"}, "9100"),
        ("{a|port}", {"a": "http://x:80/"}, "80"),
        ("{a|port}", {"a": "web1"}, None),
        ("{a|port|default:9100}", {"a": "web1"}, "9100"),
        ("{a | host | lower}", {"a": "WEB1:1"}, "web1"),
        ("rack/{a|default:unknown}", {}, "rack/unknown"),
        ("{p|owner}", {"p": "web-7d9f8b6c5d-x2x8z"}, "web"),
        ("{p|owner}", {"p": "db-0"}, "db"),
        ("{p|owner}", {"p": "node-exporter-x7k2p"}, "node-exporter"),
        ("{p|owner}", {"p": "backup-28123456-x7k2p"}, "backup"),
        ("{p|owner}", {"p": "plain"}, "plain"),
    ],
)
def test_a_missing_label_never_yields_half_an_id(text: str, labels: dict[str, str], made: str | None) -> None:
    template = Template(text)
    assert template.render(labels) == made
    assert bool(template.missing(labels)) is (made is None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host/{node", "a brace is not closed"),
        ("host/node}", "a brace is not closed or not opened"),
        ("host/{}", "expected the name of a label"),
        ("{a|upper}", "no filter is called 'upper'; there are lower, host, port, owner and default:VALUE"),
        ("{a|default:}", "no filter is called"),
        ("{a|default:x|lower}", "default comes last"),
    ],
)
def test_a_bad_template_says_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said.replace("|", r"\|")):
        Template(text)
