#!/usr/bin/env python3
"""Holds the Grafana dashboard and the alert rules against what the real server exposes and a real Prometheus answers."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

import grpc

from promql import grouping_labels, uses

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/support"))
import served  # noqa: E402

PHOTOS = Path(os.environ["LIKENESS_PHOTOS_DIR"])
DASHBOARD = json.loads((ROOT / "deploy/grafana/likeness.json").read_text())
RULES = (ROOT / "deploy/prometheus/rules.yaml").read_text()
PROMETHEUS = (ROOT / "docker/prometheus/prometheus.yml").read_text()
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()

# What Prometheus itself adds, and its labels.
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
OF_EVERY_SCRAPE = {"job", "instance"}
ONLY_OF_SHARED_GALLERIES = {"likeness_gallery_synced_timestamp_seconds"}
# Panels in which nothing is good news, or which need a shared gallery.
MAY_BE_EMPTY = {"Alerts", "The server's faults", "Refused", "Unavailable by method", "Last heard of the gallery"}


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in {seconds} s: {what}")
        time.sleep(0.1)


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Scrape:
    """Series by name, each as its labels; families by name, with their type."""

    def __init__(self, text):
        self.families = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.series = {}
        for name, labels in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
            self.series.setdefault(name, []).append(dict(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels)))

    def labels(self, metric):
        return set().union(*self.series[metric])


class Monitored:
    """The server with TLS after a few calls, and a Prometheus that scrapes it every second and evaluates our rules."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def start_server(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=likeness", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "server.key", "-out", "server.pem"],
            cwd=self.folder, check=True, capture_output=True)
        self.server = served.Server(self.folder, "--tls-certificate=server.pem", "--tls-key=server.key")
        self.processes.append(self.server.process)
        for exit_code, *arguments in [(0, "enroll", "cage", PHOTOS / "cage.jpg"),
                                      (0, "verify", "cage", PHOTOS / "cage2_crop.jpg"),
                                      (1, "verify", "cage", PHOTOS / "obama4_crop.jpg"),
                                      (2, "verify", "cage", PHOTOS / "ironman.jpg")]:
            done = subprocess.run([served.BINARIES / "likeness", "--server", f"127.0.0.1:{self.server.grpc_port}", "--tls-ca",
                                   "server.pem", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60)
            if done.returncode != exit_code:
                raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr}")
        self.scrape = Scrape(fetch(f"http://127.0.0.1:{self.server.metrics_port}/metrics"))

    def start_prometheus(self):
        config = PROMETHEUS.replace("/etc/prometheus/rules/*.yaml", "rules.yaml")
        config = config.replace("likeness:9464", f"127.0.0.1:{self.server.metrics_port}")
        (self.folder / "prometheus.yml").write_text(re.sub(r"_interval: \w+", "_interval: 1s", config))
        (self.folder / "rules.yaml").write_text(re.sub(r"interval: \w+", "interval: 1s", RULES))
        address = f"127.0.0.1:{free_port()}"
        self.start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=series", "--log.level=error",
                   f"--web.listen-address={address}")
        self.prometheus = f"http://{address}"
        self.wait_for(self.has_scraped_often, 60, "Prometheus scrapes the server")
        self.rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        self.recorded = {rule["name"]: grouping_labels(rule["query"]) for rule in self.rules if rule["type"] == "recording"}

    def has_scraped_often(self):
        try:
            return self.query('count_over_time(up{job="likeness"}[1m]) > 5')  # rates need two, and rules the rates
        except OSError:  # it does not listen yet
            return False

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def ask(self, path, **parameters):
        return json.loads(fetch(f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))["data"]

    def start(self, *command):
        self.processes.append(subprocess.Popen([*map(str, command)], cwd=self.folder))

    def wait_for(self, condition, seconds, what):
        wait_for(lambda: self.all_run() and condition(), seconds, what)

    def all_run(self):
        if any(process.poll() is not None for process in self.processes):
            raise RuntimeError("a process has ended")
        return True

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=60)


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def without_variables(expression):
    for variable, value in {"$__rate_interval": "20s", "$job": "likeness", "$instance": ".+"}.items():
        expression = expression.replace(variable, value)
    return expression


def dashboard_expressions():
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["target"]["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])[1]


class DashboardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="likeness-dashboard-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.monitored = Monitored(cls.folder)
        cls.addClassCleanup(cls.monitored.stop)
        cls.monitored.start_server()
        cls.monitored.start_prometheus()
        cls.scrape = cls.monitored.scrape
        cls.alerts = [rule for rule in cls.monitored.rules if rule["type"] == "alerting"]

    def all_uses(self):
        """Each metric in each expression, and where that is."""
        rules = [(f"rule {rule['name']}", rule["query"]) for rule in self.monitored.rules]
        for place, expression in [*dashboard_expressions(), *rules]:
            for use in uses(without_variables(expression)):
                yield place, use

    def known_labels(self, metric):
        """None when there is no such metric."""
        if metric in self.scrape.series:
            return self.scrape.labels(metric)
        known = {**OF_PROMETHEUS, **self.monitored.recorded, **dict.fromkeys(ONLY_OF_SHARED_GALLERIES, set())}
        return known.get(metric)

    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_metric_that_is_asked_for_exists(self):
        for place, use in self.all_uses():
            with self.subTest(place):
                self.assertIsNotNone(self.known_labels(use.metric), f"nobody exposes or records {use.metric}")

    def test_every_label_that_is_named_is_one_of_its_metric(self):
        for place, use in self.all_uses():
            labels = self.known_labels(use.metric)
            with self.subTest(place, metric=use.metric):
                self.assertLessEqual(use.labels(), (labels or use.labels()) | OF_EVERY_SCRAPE)

    def test_every_value_that_is_asked_for_may_occur(self):
        codes = {code.name for code in grpc.StatusCode}
        for place, use in self.all_uses():
            for label, operator, value in use.matchers:
                with self.subTest(place, metric=use.metric):
                    if label == "code":
                        self.assertLessEqual(set(value.split("|")), codes)
                    elif use.metric in self.scrape.series and operator == "=" and label not in OF_EVERY_SCRAPE:
                        self.assertIn(value, {series.get(label) for series in self.scrape.series[use.metric]})

    def test_every_expression_of_the_dashboard_parses(self):
        rules = [{"record": f"dashboard:{number}", "expr": without_variables(expression)}
                 for number, (_, expression) in enumerate(dashboard_expressions())]
        (self.folder / "dashboard.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        self.promtool("check", "rules", "dashboard.yaml")

    def test_every_panel_has_something_to_show(self):
        for panel in panels():
            with self.subTest(panel["title"]):
                answers = [self.monitored.query(without_variables(target["expr"])) for target in panel["targets"]]
                self.assertTrue(any(answers) or panel["title"] in MAY_BE_EMPTY, "no series")

    def test_the_tables_show_the_labels_that_there_are(self):
        for panel in panels():
            if panel["type"] == "table":
                with self.subTest(panel["title"]):
                    [use] = uses(without_variables(panel["targets"][0]["expr"]))
                    [columns] = [step["options"]["include"]["names"] for step in panel["transformations"]
                                 if step["id"] == "filterFieldsByName"]
                    of_alerts = set().union(*self.monitored.recorded.values()) if use.metric == "ALERTS" else set()
                    self.assertLessEqual(set(columns), self.known_labels(use.metric) | OF_EVERY_SCRAPE | of_alerts)

    def test_every_selector_of_the_dashboard_follows_its_variables(self):
        for place, expression in dashboard_expressions():
            if place == "variable job":
                continue
            for use in uses(expression):
                with self.subTest(place, metric=use.metric):
                    self.assertIn(("job", "=", "$job"), use.matchers)

    def test_every_panel_asks_the_data_source_that_is_chosen(self):
        for panel in [*panels(), *DASHBOARD["annotations"]["list"]]:
            self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})

    def test_every_panel_says_what_to_look_for(self):
        for panel in panels():
            self.assertRegex(panel["description"], r"\w.*\.$", panel["title"])

    def test_no_two_panels_have_the_same_id(self):
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len(ids), len(set(ids)))

    def test_no_panel_covers_another_or_leaves_the_grid(self):
        taken = {}
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertEqual(taken.setdefault((x, y), panel["title"]), panel["title"])

    def test_every_alert_says_how_bad_it_is_and_where_to_read_on(self):
        for alert in self.alerts:
            with self.subTest(alert["name"]):
                self.assertIn(alert["labels"]["severity"], {"page", "ticket"})
                self.assertTrue(alert["annotations"]["summary"])
                self.assertEqual(alert["annotations"]["runbook"], f"docs/operations.md#{alert['name'].lower()}")

    def test_every_alert_has_its_section_in_the_operations_guide_and_every_section_its_alert(self):
        sections = set(re.findall(r"^### (Likeness\w+)$", OPERATIONS, re.MULTILINE))
        self.assertEqual(sections, {alert["name"] for alert in self.alerts})

    def test_every_alert_is_tested_to_fire_and_to_stay_quiet(self):
        tests = "".join(file.read_text() for file in (ROOT / "deploy/prometheus").glob("rules_*test.yaml"))
        for alert in {alert["name"] for alert in self.alerts}:
            with self.subTest(alert):
                self.assertIn(f"alertname: {alert}, exp_alerts: []", tests)
                self.assertIn(f"#{alert.lower()}\n", tests)

    def test_the_readme_lists_every_metric_and_no_other(self):
        listed = set(re.findall(r"likeness_\w+", "".join(re.findall(r"^\| (`likeness_.*?) \|", README, re.MULTILINE))))
        exposed = {name for name in self.scrape.families if name.startswith("likeness_")}
        self.assertEqual(listed - ONLY_OF_SHARED_GALLERIES, exposed)
        self.assertLessEqual(ONLY_OF_SHARED_GALLERIES, listed)

    def test_prometheus_and_grafana_of_the_compose_file_fit_together(self):
        self.promtool("check", "config", ROOT / "docker/prometheus/prometheus.yml")
        source = (ROOT / "docker/grafana/provisioning/datasources/prometheus.yaml").read_text()
        self.assertEqual(re.search(r"timeInterval: (\S+)", source)[1], re.search(r"scrape_interval: (\S+)", PROMETHEUS)[1])
        provider = (ROOT / "docker/grafana/provisioning/dashboards/likeness.yaml").read_text()
        folder = re.search(r"path: (\S+)", provider)[1]
        self.assertIn(f"../deploy/grafana:{folder}:ro", (ROOT / "docker/compose.yaml").read_text())


if __name__ == "__main__":
    sys.exit(unittest.main())
