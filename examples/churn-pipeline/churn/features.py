"""From customer rows to model features, kept as Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

KEYS = ["customer_id", "event_timestamp"]
LABEL = "churned"
NUMERIC = [
    "tenure_months",
    "data_gb",
    "call_minutes",
    "support_calls",
    "late_payments",
    "monthly_charge",
    "mean_bill",
    "charge_per_gb",
    "is_new",
    "has_fibre",
]
CATEGORICAL = ["plan", "contract", "payment_method", "region"]

# Parquet readers that skip row groups do best with groups of this many rows.
_ROW_GROUP = 50_000


def build_features(customers: pd.DataFrame) -> pd.DataFrame:
    """Derive the model's inputs; one row per customer, label included."""
    months = customers["tenure_months"].clip(lower=1)
    frame = customers.assign(
        mean_bill=(customers["total_charges"] / months).fillna(customers["monthly_charge"]),
        charge_per_gb=customers["monthly_charge"] / customers["data_gb"].clip(lower=0.1),
        is_new=(customers["tenure_months"] < 3).astype("int64"),
        has_fibre=customers["has_fibre"].astype("int64"),
    )
    return frame[[*KEYS, *NUMERIC, *CATEGORICAL, LABEL]].reset_index(drop=True)


def write_features(frame: pd.DataFrame, path: Path) -> None:
    """Write features with pyarrow: categories as dictionaries, zstd pages."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, path, compression="zstd", use_dictionary=CATEGORICAL, row_group_size=_ROW_GROUP)


def read_features(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read features back through pandas; its Parquet engine is found at run time."""
    return pd.read_parquet(path, columns=columns)
