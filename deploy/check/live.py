"""Runs two replicas as the manifests say, with a real Prometheus on them, and asks it
everything that the dashboard asks.

    live.py SERVER CLIENT PROMETHEUS MANIFEST RULES

PROMETHEUS is the folder of `prometheus`, MANIFEST a rendered overlay, RULES the file of
its recording rules and alerts.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import grpc

import manifests
import settings
from processes import PATIENCE, Program, Replica

server, client, prometheus, manifest, rules = map(pathlib.Path, sys.argv[1:])
SAMPLE = manifests.ROOT / "samples" / "demo.wav"
MONITORING = manifests.DEPLOY / "components" / "monitoring"
# What others export of our pods: the kubelet, kube-state-metrics, NVIDIA's exporter and
# cert-manager.
OTHERS = """
container_cpu_usage_seconds_total{{namespace="ser",pod="{0}",container="ser-server"}} {1}
container_cpu_cfs_periods_total{{namespace="ser",pod="{0}",container="ser-server"}} {1}
container_cpu_cfs_throttled_periods_total{{namespace="ser",pod="{0}",container="ser-server"}} 0
container_memory_working_set_bytes{{namespace="ser",pod="{0}",container="ser-server"}} 1e8
kube_pod_container_resource_limits{{namespace="ser",pod="{0}",container="ser-server",resource="cpu"}} 2
kube_pod_container_resource_limits{{namespace="ser",pod="{0}",container="ser-server",resource="memory"}} 3e9
kube_pod_container_status_restarts_total{{namespace="ser",pod="{0}",container="ser-server"}} 0
DCGM_FI_DEV_GPU_UTIL{{namespace="ser",pod="{0}",gpu="0"}} 50
DCGM_FI_DEV_FB_USED{{namespace="ser",pod="{0}",gpu="0"}} 900
DCGM_FI_DEV_XID_ERRORS{{namespace="ser",pod="{0}",gpu="0"}} 0
DCGM_FI_DEV_GPU_TEMP{{namespace="ser",pod="{0}",gpu="0"}} 50
kube_horizontalpodautoscaler_status_desired_replicas{{namespace="ser",horizontalpodautoscaler="{0}"}} 3
kube_horizontalpodautoscaler_spec_max_replicas{{namespace="ser",horizontalpodautoscaler="{0}"}} 50
certmanager_certificate_expiration_timestamp_seconds{{namespace="ser",name="{0}"}} 2e9
"""


class Others(http.server.BaseHTTPRequestHandler):
    """Exports `OTHERS`."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        lines = "".join(OTHERS.format(pod, time.monotonic()) for pod in "ab")
        self.wfile.write("\n".join(sorted(lines.split("\n"))).strip().encode() + b"\n")

    def log_message(self, *_):
        pass


def scraping(ports, folder):
    """A Prometheus that has the labels which PodMonitor gives, with our rules."""
    jobs = [
        {
            "job_name": name,
            # The others name their pods themselves.
            "honor_labels": name == "others",
            "static_configs": [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "ser", "pod": pod}}
                for pod, port in targets.items()
            ],
        }
        for name, targets in ports.items()
    ]
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    text = {"global": intervals, "rule_files": [str(rules)], "scrape_configs": jobs}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(text))
    flags = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    flags += ["--web.listen-address=127.0.0.1:0", "--log.format=json"]
    return Program([prometheus / "prometheus", *flags])


def traffic(replicas, pod):
    """Something of everything: a stream that moves, and, at the replica that is left, a
    clip, callers who are refused, and a new token. Returns that replica."""
    ca = pathlib.Path(f"{pod.folder}/etc/ser-server/tls/tls.crt")
    servers = ",".join(f"https://127.0.0.1:{replica.port}" for replica in replicas)
    command = [client, "stream", "--ca", ca, "--server", servers, "--plain", SAMPLE]
    with Program(command, os.environ | {"SER_TOKEN": pod.token}, "stdout") as speaking:
        speaking.until(lambda line: line.strip())
        (holder,) = [replica for replica in replicas if replica.open_streams()]
        holder.stop()
        assert speaking.process.wait(PATIENCE) == 0
    (left,) = [replica for replica in replicas if replica is not holder]

    clip(ca, left.port, pod.token)
    stranger = os.environ | {"SER_TOKEN": "ser_" + 40 * "x"}
    refused = [client, "models", "--ca", ca, "--server", f"https://127.0.0.1:{left.port}"]
    wrong = subprocess.run(refused, env=stranger, capture_output=True)
    assert wrong.returncode, wrong
    with socket.create_connection(("127.0.0.1", left.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.recv(100)
    settings.token(server, pathlib.Path(f"{pod.folder}/etc/ser-server/tokens"))
    return left


def clip(ca, port, token):
    """Has the sample recognised as a whole."""
    sys.path.insert(0, str(manifests.ROOT / "proto"))
    messages, services = grpc.protos_and_services("ser/v1/clips.proto")
    trusted = grpc.ssl_channel_credentials(ca.read_bytes())
    with grpc.secure_channel(f"127.0.0.1:{port}", trusted) as channel:
        request = messages.RecognizeRequest(file=SAMPLE.read_bytes())
        recognise = services.SpeechEmotionClipsStub(channel).Recognize
        bearer = [("authorization", f"Bearer {token}")]
        recognise(request, metadata=bearer, timeout=PATIENCE)


def queries():
    """Every query of the dashboard, with its panel."""
    for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "5m")
            yield panel["title"], query.replace("$namespace", "ser").replace("$pod", ".*")


def ask(address, path, **parameters):
    """What Prometheus answers."""
    url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)["data"]


def unanswered(address):
    """Queries that return nothing."""
    return [
        (title, query)
        for title, query in queries()
        if not ask(address, "query", query=query)["result"]
    ]


def unknown(address):
    """Metrics that alerts or the dashboard name, and nobody exports or records."""
    known = set(ask(address, "label/__name__/values"))
    groups = json.loads(rules.read_text())["groups"]
    named = [rule["expr"] for group in groups for rule in group["rules"]]
    named += [query for _, query in queries()]
    pattern = r"\b(?:(?:ser|kube|container|DCGM|certmanager)_\w+|namespace\w*:[\w:]+)\b(?!\s*=)"
    names = {name for text in named for name in re.findall(pattern, text)}
    return sorted(names - known)


def until_empty(remaining, what):
    """Asks again until nothing remains, or patience ends."""
    deadline = time.monotonic() + PATIENCE
    while left := remaining():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: {json.dumps(left, indent=2)}")
        time.sleep(0.5)


def fits(replica, pod):
    """The memory limit holds what the server says that it may take."""
    limit = pod.spec["resources"]["limits"]["memory"]
    assert replica.memory_mib <= int(limit.removesuffix("Gi")) * 1024, (
        f"memory limit {limit}; expected at least {replica.memory_mib} MiB"
    )


pod = settings.Pod(manifests.resources(manifest.read_text()), tempfile.mkdtemp())
others = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Others)
threading.Thread(target=others.serve_forever, daemon=True).start()
with contextlib.ExitStack() as ending:
    ending.callback(shutil.rmtree, pod.folder)
    # Bound and not listened on: whoever connects is refused, and nobody else takes it.
    nobody = ending.enter_context(socket.socket())
    nobody.bind(("127.0.0.1", 0))
    collector = f"http://127.0.0.1:{nobody.getsockname()[1]}"

    pod.files(server)
    telemetry = {"SER__TELEMETRY__ENDPOINT": collector, "SER__TELEMETRY__INTERVAL": "1s"}
    replicas = [ending.enter_context(Replica(server, pod, name, telemetry)) for name in "ab"]
    for replica in replicas:
        replica.ready()
    fits(replicas[0], pod)
    targets = {replica.name: replica.metrics_port for replica in replicas}
    ports = {"ser/ser-server": targets, "others": {"": others.server_port}}
    scraper = ending.enter_context(scraping(ports, pathlib.Path(pod.folder)))
    listening = lambda line: '"Listening on"' in line and json.loads(line)["address"]
    address = scraper.until(listening)

    left = traffic(replicas, pod)
    until_empty(lambda: unanswered(address), "queries of the dashboard without a series")
    until_empty(lambda: unknown(address), "metrics that nobody exports")
    left.stop()
print(f"dashboard: {len(list(queries()))} queries answered")
