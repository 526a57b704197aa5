"""What the manifests tell the server, and what the server says to that."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import jsonschema

from manifests import ROOT, one

SCHEMA = ROOT / "server" / "ser-server.schema.json"
# What KServe unpacks packages into, without a volume in our manifests.
KSERVE = "/mnt/models"
# Closing connections and sending the last telemetry, after streams have ended, and what
# may be left over for a slow node.
CLOSING, SPARE = 3, 7


class Pod:
    """The container that runs the server, with its files in a folder of this machine."""

    def __init__(self, resources, folder):
        self.folder = folder
        self.config_map = config_map(resources)
        self.spec, self.grace, self.volumes = pod_of(resources)
        mounted = {mount["mountPath"]: mount["name"] for mount in self.spec.get("volumeMounts", [])}
        models = {KSERVE: None} if KSERVE in json.dumps(self.spec) else {}
        self.mounts = mounted | models
        self.variables = {
            entry["name"]: self.local(entry.get("value", entry["name"].lower()))
            for entry in self.spec.get("env", [])
        }

    def local(self, text):
        """Paths in the container, as paths here."""
        for mount in self.mounts:
            text = text.replace(mount, f"{self.folder}{mount}")
        # Kubernetes puts earlier variables into later ones.
        return re.sub(r"\$\((\w+)\)", lambda found: found[1].lower(), text)

    def files(self, server):
        """Puts into each mounted folder what the cluster would."""
        for mount, volume in self.mounts.items():
            place = pathlib.Path(f"{self.folder}{mount}")
            place.mkdir(parents=True)
            if volume == "config":
                for name, text in self.config_map["data"].items():
                    (place / name).write_text(self.local(text))
            elif volume == "tls":
                certificate(place)
            elif volume == "tokens":
                self.token = token(server, place)
            elif volume == "models" or mount == KSERVE:
                shutil.copytree(ROOT / "models", place, dirs_exist_ok=True)
            else:
                assert volume == "engines", f"{volume}: no such volume is known here"

    def run(self, server, *command):
        """`ser-server COMMAND` with the pod's flags and variables. Whatever else is set
        around here stays outside, as in a pod."""
        return subprocess.run(
            [server, *command, *self.flags()], env=self.environment(), capture_output=True, text=True
        )

    def flags(self):
        """The container's arguments."""
        return [self.local(flag) for flag in self.spec.get("args", [])]

    def environment(self):
        """The container's variables."""
        return {"PATH": os.environ["PATH"]} | self.variables


def config_map(resources):
    """The one that holds the configuration, if it isn't all variables."""
    maps = [r for r in resources if r["kind"] == "ConfigMap" and "ser-server.toml" in r["data"]]
    return maps[0] if maps else None


def pod_of(resources):
    """The container, the time it has to stop, and the volumes."""
    if deployment := one(resources, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        return spec["containers"][0], spec["terminationGracePeriodSeconds"], spec["volumes"]
    runtime = one(resources, "ClusterServingRuntime")
    predictor = one(resources, "InferenceService")["spec"]["predictor"]
    return runtime["spec"]["containers"][0], predictor["terminationGracePeriodSeconds"], []


def token(server, folder):
    """As an operator makes it; the file has its hash, and the caller the token."""
    made = subprocess.run(
        [server, "token", "gateway"], check=True, capture_output=True, text=True
    )
    (folder / "tokens.toml").write_text(made.stdout)
    return made.stderr.split()[-1]


def certificate(folder):
    """As cert-manager leaves it."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-noenc", "-days", "2", "-subj", "/CN=ser-server"]
    command += ["-addext", "subjectAltName=DNS:ser-server,IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    command += ["-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run(command, check=True, capture_output=True)


def check(resources, server, folder):
    """The file against the schema, file and variables against the server itself, and the
    times of the pod against those of the server."""
    pod = Pod(resources, folder)
    if pod.config_map:
        text = pod.config_map["data"]["ser-server.toml"]
        jsonschema.validate(tomllib.loads(text), json.loads(SCHEMA.read_text()))
    pod.files(server)
    # A GPU is on other machines.
    on_gpu = "nvidia.com/gpu" in pod.spec["resources"]["limits"]
    checked = pod.run(server, "config", "check", *(["--no-load"] if on_gpu else []))
    if checked.returncode:
        sys.exit(f"ser-server config check: {checked.stdout}{checked.stderr}")
    settings = json.loads(pod.run(server, "config", "print", "--json").stdout)
    stopping(pod, settings)
    probes(pod, settings)


def stopping(pod, settings):
    """The kubelet's patience is what a stop takes."""
    drain = re.fullmatch(r"(\d+)s", settings["server"]["drain"]["value"])
    assert drain, f"server.drain: {settings['server']['drain']}; expected whole seconds"
    pause = pod.spec["lifecycle"]["preStop"]["sleep"]["seconds"]
    expected = pause + int(drain[1]) + CLOSING + SPARE
    assert pod.grace == expected, (
        f"terminationGracePeriodSeconds: {pod.grace}; expected {expected}: preStop {pause},"
        f" server.drain {drain[1]}, closing {CLOSING}, to spare {SPARE}"
    )


def probes(pod, settings):
    """Probes and ports are where the server listens."""
    port = lambda section: int(settings[section]["listen"]["value"].rpartition(":")[2])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert pod.spec[probe]["grpc"]["port"] == port("health"), probe
    ports = {entry["name"]: entry["containerPort"] for entry in pod.spec["ports"]}
    expected = {"health": port("health"), "metrics": port("metrics")}
    assert {"grpc": port("server")} | expected == ports or {"h2c": port("server")} == ports, ports
