"""The stock rules of kube-prometheus, with the label sets that their alerts really carry.

`kube-prometheus.json` has the rules (Apache-2.0, its source inside). `world` has series that make every one of them fire,
`promtool` lets Prometheus' own engine evaluate them, in its virtual time. What came out is kept in `labels.json`;
`python -m tests.stock` makes it anew, and with the name of a page writes the table of alerts and nodes into it.
"""
