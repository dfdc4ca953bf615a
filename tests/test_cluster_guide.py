"""The manifest in the guide to clusters: KubeRay takes it, and it is one for this package."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from tests.support import ROOT


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


MANIFEST = read("docs/examples/ray_cluster.yaml")
SCHEMA = Draft202012Validator(read(str(Path("tests", "examples", "ray_cluster_schema.yaml"))))


def test_the_manifest_follows_the_schema_of_kuberay() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    SCHEMA.validate(MANIFEST)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("apiVersion",), "ray.io/v1alpha1"),
        (("spec", "headGroupSpecs"), {}),
        (("spec", "rayVersion"), 2.6),
        (("spec", "autoscalerOptions", "upscalingMode"), "Fast"),
        (("spec", "headGroupSpec", "rayStartParams", "num-cpus"), 0),
        (("spec", "workerGroupSpecs", 0, "replicas"), "2"),
        (("spec", "workerGroupSpecs", 0, "template", "spec", "containers"), []),
    ],
)
def test_what_kuberay_refuses_is_refused(path: tuple[str | int, ...], value: object) -> None:
    changed = copy.deepcopy(MANIFEST)
    *parents, last = path
    at = changed
    for name in parents:
        at = at[name]
    at[last] = value
    with pytest.raises(ValidationError):
        SCHEMA.validate(changed)


def test_there_are_machines_with_cores_and_with_gpus_and_no_jobs_on_the_head() -> None:
    spec = MANIFEST["spec"]
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    limits = {
        group["groupName"]: group["template"]["spec"]["containers"][0]["resources"]["limits"]
        for group in spec["workerGroupSpecs"]
    }
    assert [name for name, own in limits.items() if "nvidia.com/gpu" in own] == ["gpus"]
    assert set(limits) == {"cores", "gpus"}
