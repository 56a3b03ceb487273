"""Settings: secrets and addresses from the environment or `.env`, knobs from `config/training.toml`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ObjectStore:
    """How to reach the bucket that holds raw data and published models."""

    bucket: str
    region: str
    access_key: str
    secret_key: str
    endpoint: str | None


@dataclass(frozen=True)
class Settings:
    """What differs between a laptop and the cluster."""

    object_store: ObjectStore
    tracking_uri: str
    experiment: str
    kfp_host: str
    namespace: str
    image: str


@dataclass(frozen=True)
class TrainingConfig:
    """The knobs of one retraining."""

    customers: int
    seed: int
    snapshot: date
    trees: int
    max_depth: int
    min_samples_leaf: int
    test_share: float
    min_roc_auc: float


def load_settings(env_file: Path = PROJECT / ".env", environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `env_file` (it may be absent); `environment` wins over it."""
    values = {**dotenv_values(env_file), **environment}
    return Settings(
        object_store=_object_store(values),
        tracking_uri=values.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db",
        experiment=values.get("MLFLOW_EXPERIMENT") or "churn",
        kfp_host=values.get("KFP_HOST") or "http://localhost:8080",
        namespace=values.get("KFP_NAMESPACE") or "kubeflow",
        image=values.get("CHURN_IMAGE") or "registry.example.com/ml/churn-pipeline:1.4.2",
    )


def load_training_config(path: Path = PROJECT / "config" / "training.toml") -> TrainingConfig:
    """Read the knobs of a retraining from TOML."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return TrainingConfig(
        customers=raw["data"]["customers"],
        seed=raw["data"]["seed"],
        snapshot=date.fromisoformat(raw["data"]["snapshot"]),
        trees=raw["forest"]["trees"],
        max_depth=raw["forest"]["max_depth"],
        min_samples_leaf=raw["forest"]["min_samples_leaf"],
        test_share=raw["split"]["test_share"],
        min_roc_auc=raw["gate"]["min_roc_auc"],
    )


def _object_store(values: Mapping[str, str | None]) -> ObjectStore:
    return ObjectStore(
        bucket=values.get("CHURN_BUCKET") or "ml-churn",
        region=values.get("AWS_DEFAULT_REGION") or "eu-central-1",
        access_key=values.get("AWS_ACCESS_KEY_ID") or "",
        secret_key=values.get("AWS_SECRET_ACCESS_KEY") or "",
        endpoint=values.get("S3_ENDPOINT_URL") or None,
    )
