"""Publish a candidate that passed: a new version in MLflow's model registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from churn.training import MODEL_NAME

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class RegisteredModel:
    """One version in the registry."""

    name: str
    version: str

    @property
    def uri(self) -> str:
        """The address that MLflow loads this version from."""
        return f"models:/{self.name}/{self.version}"


def register(model_uri: str, metrics: dict[str, float]) -> RegisteredModel:
    """Register the logged model, note what it scored, and let `champion` point at it."""
    version = mlflow.register_model(model_uri, MODEL_NAME)
    client = MlflowClient()
    for name, value in metrics.items():
        client.set_model_version_tag(MODEL_NAME, version.version, name, f"{value:.4f}")
    client.set_registered_model_alias(MODEL_NAME, "champion", version.version)
    return RegisteredModel(MODEL_NAME, str(version.version))


def use_tracking_store(uri: str, experiment: str) -> None:
    """Point MLflow at `uri` and make sure that the experiment is there.

    A server knows where it keeps models. For a SQLite file MLflow would take the working folder of
    whoever comes first; they belong beside the file, where the next step finds them.
    """
    mlflow.set_tracking_uri(uri)
    if uri.startswith(_SQLITE) and mlflow.get_experiment_by_name(experiment) is None:
        models = Path(uri.removeprefix(_SQLITE)).resolve().parent / "mlruns"
        mlflow.create_experiment(experiment, artifact_location=models.as_uri())
    mlflow.set_experiment(experiment)
