"""Publish a candidate that passed: a new version in MLflow's model registry."""

from __future__ import annotations

from dataclasses import dataclass

import mlflow
from mlflow import MlflowClient

from churn.training import MODEL_NAME


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
    """Point MLflow at `uri` and make sure that the experiment is there."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
