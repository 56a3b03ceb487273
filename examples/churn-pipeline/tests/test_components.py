"""The compiled steps run as their pods would run them: each function's source alone, in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

from kfp import components as kfp_components

import pipeline

PROJECT = Path(__file__).resolve().parent.parent


class Launcher:
    """A small stand-in for Kubeflow's launcher: executor input in, executor output back."""

    def __init__(self, folder: Path) -> None:
        """Compile the pipeline into `folder` and take its executors from there."""
        self.folder = folder
        compiled = kfp_components.load_component_from_file(str(pipeline.compile_to(folder / "pipeline.yaml")))
        self.spec = compiled.pipeline_spec

    def artifact(self, name: str, schema: str, uri: str) -> dict[str, object]:
        """One artifact list, as executor input and output carry it."""
        kind = {"schemaTitle": schema, "schemaVersion": "0.0.1"}
        return {"artifacts": [{"name": name, "type": kind, "uri": uri, "metadata": {}}]}

    def run(self, step: str, parameters: Mapping[str, object], inputs: Mapping[str, Path]) -> dict[str, object]:
        """Run one step's compiled source; returns its `output_metadata.json`."""
        place = self.folder / step
        place.mkdir()
        interface = self.spec.components[f"comp-{step}"]
        source = place / "ephemeral_component.py"
        source.write_text(self._command(step)[-1], encoding="utf-8")
        arguments = {
            "inputs": {
                "parameterValues": dict(parameters),
                "artifacts": {
                    name: self.artifact(name, spec.artifact_type.schema_title, str(inputs[name]))
                    for name, spec in interface.input_definitions.artifacts.items()
                },
            },
            "outputs": {
                "parameters": {
                    name: {"outputFile": str(place / name)} for name in interface.output_definitions.parameters
                },
                "artifacts": {
                    name: self.artifact(name, spec.artifact_type.schema_title, str(place / name))
                    for name, spec in interface.output_definitions.artifacts.items()
                },
                "outputFile": str(place / "output_metadata.json"),
            },
        }
        main = [sys.executable, "-m", "kfp.dsl.executor_main", "--component_module_path", str(source)]
        subprocess.run(
            [*main, "--executor_input", json.dumps(arguments), "--function_to_execute", step],
            cwd=PROJECT,
            check=True,
            timeout=300,
            capture_output=True,
            env=os.environ
            | {"_KFP_RUNTIME": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"},
        )
        return json.loads((place / "output_metadata.json").read_text(encoding="utf-8"))

    def _command(self, step: str) -> list[str]:
        return list(self.spec.deployment_spec["executors"][f"exec-{step}"]["container"]["command"])


class CompiledSteps(unittest.TestCase):
    """All six steps, one after another, over what the step before left."""

    def test_all_steps_run_alone(self) -> None:
        """From generated customers to a registered champion."""
        with tempfile.TemporaryDirectory(prefix="churn-steps-") as name:
            folder = Path(name)
            launcher = Launcher(folder)
            store = {"tracking_uri": f"sqlite:///{folder / 'mlflow.db'}", "experiment": "churn"}

            self._until_training(launcher, folder)
            grown = launcher.run(
                "train",
                store | {"trees": 20, "max_depth": 8, "min_samples_leaf": 5, "test_share": 0.25, "seed": 7},
                {"table": folder / "features/table"},
            )
            model = folder / "train/model"
            verdict = launcher.run("evaluate", {}, {"model": model, "held_out": folder / "train/held_out"})
            scores = verdict["parameterValues"]["scores"]
            answer = launcher.run(
                "register",
                store | {"model_uri": grown["parameterValues"]["Output"], "scores": scores, "publish": False},
                {"model": model},
            )

            self.assertEqual(answer["parameterValues"]["Output"], "models:/churn-forest/1")
            self._assert_results(verdict, folder / "evaluate/report")

    def _until_training(self, launcher: Launcher, folder: Path) -> None:
        load = {"source_url": "", "customers": 1200, "seed": 7, "snapshot": "2024-06-01"}
        loaded = launcher.run("load", load, {})
        self.assertEqual(loaded["artifacts"]["raw"]["artifacts"][0]["metadata"]["rows"], 1200)
        launcher.run("validate", {}, {"raw": folder / "load/raw"})
        launcher.run("features", {"push_online": False}, {"checked": folder / "validate/checked"})

    def _assert_results(self, verdict: dict, report: Path) -> None:
        artifacts = {name: found["artifacts"][0] for name, found in verdict["artifacts"].items()}
        self.assertGreater(artifacts["metrics"]["metadata"]["roc_auc"], 0.6)
        matrix = artifacts["curves"]["metadata"]["confusionMatrix"]
        self.assertEqual([spec["displayName"] for spec in matrix["annotationSpecs"]], ["stays", "leaves"])
        self.assertEqual(sum(sum(row["row"]) for row in matrix["rows"]), 300)
        self.assertTrue(report.read_text(encoding="utf-8").startswith("<!doctype html>"))


if __name__ == "__main__":
    unittest.main()
