"""Takes the rules out of their resource, and looks for what promtool doesn't.

    rules.py FOLDER RUNBOOK OUT

FOLDER holds `rules.yaml` and `rules.test.yaml`; the rules are written to OUT.
"""

import json
import pathlib
import re
import sys

import yaml

folder, runbook, out = map(pathlib.Path, sys.argv[1:])
spec = yaml.safe_load((folder / "rules.yaml").read_text())["spec"]
tests = yaml.safe_load((folder / "rules.test.yaml").read_text())["tests"]
rules = [rule for group in spec["groups"] for rule in group["rules"]]
alerts = {rule["alert"]: rule for rule in rules if "alert" in rule}

headings = set(re.findall(r"^### (\w+)$", runbook.read_text(), re.MULTILINE))
assert headings == set(alerts), f"alerts and runbook: {sorted(headings ^ set(alerts))}"
for name, alert in alerts.items():
    expected = f"docs/{runbook.name}#{name.lower()}"
    assert alert["annotations"]["runbook_url"] == expected, f"{name}: expected {expected}"

asked = [case for test in tests for case in test.get("alert_rule_test", [])]
fires = {case["alertname"] for case in asked if case.get("exp_alerts")}
silent = {case["alertname"] for case in asked if not case.get("exp_alerts")}
assert fires == set(alerts), f"alerts that fire in no test: {sorted(set(alerts) - fires)}"
print(f"alerts: {len(alerts)}, of which {len(silent)} are tested to be silent as well")
out.write_text(json.dumps(spec, indent=1))
