"""Feast definitions: what a customer is and which of their features are served."""

from __future__ import annotations

import os
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_source import DataSource
from feast.types import Float64, Int64, String


def warehouse_source() -> DataSource:
    """The table that the nightly job fills; production reads it through the PostgreSQL offline store."""
    # Imported here, because a laptop without the `postgres` extra should be able to use the rest.
    from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource

    return PostgreSQLSource(
        name="customer_features_source",
        table="churn.customer_features",
        timestamp_field="event_timestamp",
    )


def parquet_source() -> DataSource:
    """The same table as a file."""
    return FileSource(
        name="customer_features_source",
        path="data/features.parquet",
        timestamp_field="event_timestamp",
    )


customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)

customer_features = FeatureView(
    name="customer_features",
    entities=[customer],
    ttl=timedelta(days=45),
    schema=[
        Field(name="tenure_months", dtype=Int64),
        Field(name="support_calls", dtype=Int64),
        Field(name="late_payments", dtype=Int64),
        Field(name="monthly_charge", dtype=Float64),
        Field(name="mean_bill", dtype=Float64),
        Field(name="contract", dtype=String),
    ],
    source=warehouse_source() if os.environ.get("FEAST_POSTGRES_HOST") else parquet_source(),
    online=True,
)

churn_scoring = FeatureService(name="churn_scoring", features=[customer_features])
