"""Runs the Deployment of a rendered overlay for real, as far as Podman plays Kubernetes:
configuration from the ConfigMap, memory limit, the restricted profile, SIGTERM.
Podman knows neither probes by gRPC nor `sleep` before a stop, and Secrets badly.

    podman.py SERVER CLIENT IMAGE MANIFEST PODMAN…

PODMAN is the program with its own flags; it has IMAGE.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import yaml

import manifests
import settings
from processes import PATIENCE

server, client, image, manifest, *podman = sys.argv[1:]
SAMPLE = manifests.ROOT / "samples" / "demo.wav"
UNKNOWN = ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")


def pod_of(deployment, port):
    """The Deployment's pod, without what Podman doesn't know, on a port of this machine."""
    template = deployment["spec"]["template"]
    spec = {k: v for k, v in template["spec"].items() if k != "topologySpreadConstraints"}
    (container,) = spec["containers"]
    container = {k: v for k, v in container.items() if k not in UNKNOWN} | {"image": image}
    container["ports"] = [{"containerPort": 50051, "hostPort": port, "hostIP": "127.0.0.1"}]
    for volume in spec["volumes"]:
        # Podman 4.3 mounts Secrets as they are encoded.
        if secret := volume.pop("secret", None):
            volume["configMap"] = {"name": secret["secretName"]}
    metadata = {"name": "ser-server", "labels": template["metadata"]["labels"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec | {"containers": [container]},
    }


def files(name, folder):
    """A ConfigMap with the files of a folder."""
    data = {file.name: file.read_text() for file in folder.iterdir()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def run(*arguments, **options):
    """A command of Podman's."""
    return subprocess.run([*podman, *arguments], check=True, text=True, **options)


resources = manifests.resources(pathlib.Path(manifest).read_text())
pod = settings.Pod(resources, tempfile.mkdtemp())
try:
    pod.files(server)
    etc = pathlib.Path(f"{pod.folder}/etc/ser-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    deployment = manifests.one(resources, "Deployment")
    played = [
        settings.config_map(resources),
        files("ser-server-tls", etc / "tls"),
        files("ser-server-tokens", etc / "tokens"),
        pod_of(deployment, port),
    ]
    file = pathlib.Path(pod.folder) / "played.yaml"
    file.write_text(yaml.safe_dump_all(played))
    run("play", "kube", str(file))
    name = "ser-server-ser-server"
    at = ["--ca", etc / "tls/tls.crt", "--server", f"https://127.0.0.1:{port}"]
    environment = os.environ | {"SER_TOKEN": pod.token}
    ask = lambda *rest: subprocess.run([client, *rest], env=environment, check=True)
    ask("health", *at, "--wait", f"{PATIENCE}s")
    ask("stream", "--plain", "--fast", *at, SAMPLE)
    (seen,) = json.loads(run("container", "inspect", name, capture_output=True).stdout)
    host = seen["HostConfig"]
    assert host["ReadonlyRootfs"] and host["Memory"] == 3 << 30, host
    assert not seen["EffectiveCaps"], seen["EffectiveCaps"]
    started = time.monotonic()
    run("stop", "--time", str(pod.grace), name)
    took = time.monotonic() - started
    code = run("wait", name, capture_output=True).stdout.strip()
    log = run("logs", name, capture_output=True)
    said = [json.loads(line)["message"] for line in (log.stdout + log.stderr).splitlines()]
    assert code == "0" and said[-1] == "stopped", (code, said)
    print(f"podman: served and stopped by SIGTERM within {took:.1f} s; it said {said}")
except subprocess.CalledProcessError:
    subprocess.run([*podman, "logs", "--tail=5", "ser-server-ser-server"])
    raise
finally:
    subprocess.run([*podman, "pod", "rm", "--force", "ser-server"], capture_output=True)
    shutil.rmtree(pod.folder)
