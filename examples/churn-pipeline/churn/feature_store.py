"""The feature store: the definitions of `feature_repo/`, applied, filled and asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from feast import FeatureStore
from feast.repo_config import RepoConfig, load_repo_config

from churn.settings import PROJECT
from feature_repo import definitions

REPOSITORY = PROJECT / "feature_repo"
LOCAL_STORES = REPOSITORY / "feature_store.yaml"
PRODUCTION_STORES = REPOSITORY / "feature_store.production.yaml"
VIEW = definitions.customer_features.name


def production_config() -> RepoConfig:
    """The stores that the cluster uses. Their classes are found by name, so this imports them."""
    return load_repo_config(REPOSITORY, PRODUCTION_STORES)


def open_store(stores: Path, folder: Path = REPOSITORY) -> FeatureStore:
    """Open what the file `stores` names and make the registry know our definitions.

    Relative paths in that file count from `folder`, which must exist.
    """
    store = FeatureStore(repo_path=str(folder), fs_yaml_file=stores)
    store.apply([definitions.customer, definitions.customer_features, definitions.churn_scoring])
    return store


def push_online(store: FeatureStore, features: pd.DataFrame) -> None:
    """Write the newest features where predictions read them."""
    columns = [field.name for field in definitions.customer_features.features]
    store.write_to_online_store(VIEW, features[["customer_id", "event_timestamp", *columns]])


def lookup(store: FeatureStore, customer_ids: list[int]) -> pd.DataFrame:
    """The served features of some customers, one row each."""
    service = store.get_feature_service(definitions.churn_scoring.name)
    rows = [{"customer_id": customer} for customer in customer_ids]
    return store.get_online_features(features=service, entity_rows=rows).to_df()
