"""What Kustomize makes of the overlays."""

import pathlib
import subprocess

import yaml

DEPLOY = pathlib.Path(__file__).parents[1]
ROOT = DEPLOY.parent
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())


def rendered(kubectl, overlay):
    """The text that `kubectl apply -k` would send."""
    command = [kubectl, "kustomize", DEPLOY / "overlays" / overlay]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def resources(text):
    """The resources in it."""
    return [resource for resource in yaml.safe_load_all(text) if resource]


def name_of(resource):
    """How a message calls it."""
    return f"{resource['apiVersion']} {resource['kind']} {resource['metadata']['name']}"


def one(resources, kind):
    """The only one of its kind, or none."""
    found = [resource for resource in resources if resource["kind"] == kind]
    assert len(found) <= 1, [name_of(resource) for resource in found]
    return found[0] if found else None


def pod_of_kserve(resources):
    """What KServe makes of its runtime and its service, as far as they say it: for
    schemas and policies that know pods alone."""
    runtime, service = one(resources, "ClusterServingRuntime"), one(resources, "InferenceService")
    predictor = service["spec"]["predictor"]
    own = {key: predictor[key] for key in predictor if key not in ("model", "minReplicas")}
    metadata = {key: service["metadata"][key] for key in ("name", "namespace")}
    spec = own | {"containers": runtime["spec"]["containers"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
