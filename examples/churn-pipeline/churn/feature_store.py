"""The feature store: the definitions of `feature_repo/`, applied, filled and asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from feast import FeatureStore
from feast.repo_config import RepoConfig, load_repo_config

from churn.settings import PROJECT
from feature_repo import definitions

REPOSITORY = PROJECT / "feature_repo"
VIEW = definitions.customer_features.name


def production_config() -> RepoConfig:
    """The stores that the cluster uses. Their classes are found by name, so this imports them."""
    return load_repo_config(REPOSITORY, REPOSITORY / "feature_store.production.yaml")


def open_store(config: RepoConfig) -> FeatureStore:
    """Open the stores of `config` and make the registry know our definitions."""
    store = FeatureStore(config=config)
    store.apply([definitions.customer, definitions.customer_features, definitions.churn_scoring])
    return store


def local_config(folder: Path) -> RepoConfig:
    """The stores of a laptop, kept in files under `folder`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    return load_repo_config(folder, REPOSITORY / "feature_store.yaml")


def push_online(store: FeatureStore, features: pd.DataFrame) -> None:
    """Write the newest features where predictions read them."""
    columns = [field.name for field in definitions.customer_features.features]
    store.write_to_online_store(VIEW, features[["customer_id", "event_timestamp", *columns]])


def lookup(store: FeatureStore, customer_ids: list[int]) -> pd.DataFrame:
    """The served features of some customers, one row each."""
    service = store.get_feature_service(definitions.churn_scoring.name)
    rows = [{"customer_id": customer} for customer in customer_ids]
    return store.get_online_features(features=service, entity_rows=rows).to_df()
