"""Renders every overlay and holds it against what will read it.

    check.py SERVER TYPES OUT

SERVER is `ser-server`. The types of custom resources are installed in the folder TYPES.
The rendered overlays are left in OUT, for checkov.
"""

import pathlib
import re
import sys
import tempfile

import yaml

import manifests
import schemas
import settings

server, types, out = map(pathlib.Path, sys.argv[1:])
kubectl = pathlib.Path(sys.executable).with_name("kubectl")


def in_one_namespace(resources, text):
    """Names and queries mean the overlay's own namespace, whatever that is called."""
    if namespace := manifests.one(resources, "Namespace"):
        quoted = re.findall(r'(?:namespace="|ser-server(?:-headless)?\.)([\w-]+)(?:"|\.svc)', text)
        listed = re.findall(r"- ser-server(?:-headless)?\.([\w-]+)$", text, re.MULTILINE)
        strangers = {*quoted, *listed} - {namespace["metadata"]["name"]}
        assert not strangers, f"other namespaces are named: {sorted(strangers)}"


schemas.install(types)
filler = manifests.DEPLOY / "components" / "models" / "filler.yaml"
schemas.kubernetes(yaml.safe_load(filler.read_text()))
out.mkdir(parents=True, exist_ok=True)
for overlay in manifests.OVERLAYS:
    text = manifests.rendered(kubectl, overlay)
    (out / f"{overlay}.yaml").write_text(text)
    resources = manifests.resources(text)
    if manifests.one(resources, "InferenceService"):
        pod = manifests.pod_of_kserve(resources)
        schemas.kubernetes(pod)
        (out / f"{overlay}-pod.yaml").write_text(yaml.safe_dump(pod))
    in_one_namespace(resources, text)
    schemas.check(resources, types)
    with tempfile.TemporaryDirectory() as here:
        settings.check(resources, server, here)
    print(f"{overlay}: {len(resources)} resources")
