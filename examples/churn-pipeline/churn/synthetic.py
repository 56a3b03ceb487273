"""Synthetic customers of a mobile operator, the same for the same seed.

The numbers hang together as they do in real books: usage depends on the plan, the charge on
plan and usage, and whether a customer leaves on contract, tenure, trouble and price. A small
share of cells is empty, because real exports have holes.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

PLANS = ("basic", "plus", "unlimited")
CONTRACTS = ("monthly", "one-year", "two-year")
PAYMENTS = ("card", "direct-debit", "invoice", "wallet")
REGIONS = ("coast", "north", "south", "islands", "capital")

_PLAN_FEE = {"basic": 12.0, "plus": 24.0, "unlimited": 39.0}
_PLAN_GB = {"basic": 2.5, "plus": 9.0, "unlimited": 28.0}


def generate_customers(rows: int, seed: int, snapshot: date) -> pd.DataFrame:
    """Return `rows` customers as they stood on `snapshot`, one row each."""
    rng = np.random.default_rng(seed)
    frame = _accounts(rng, rows, snapshot)
    frame = frame.assign(**_usage(rng, frame))
    frame = frame.assign(**_billing(rng, frame))
    frame["churned"] = (rng.random(rows) < _churn_probability(frame)).astype("int64")
    frame["event_timestamp"] = pd.Timestamp(snapshot, tz="UTC").as_unit("ns")
    return _with_holes(rng, frame)


def _accounts(rng: np.random.Generator, rows: int, snapshot: date) -> pd.DataFrame:
    """Who the customers are: plan, contract, region, and for how many months."""
    tenure = np.minimum(rng.gamma(shape=1.6, scale=16.0, size=rows), 119).astype("int64")
    start = pd.Timestamp(snapshot) - pd.to_timedelta(tenure * 30.4 + rng.uniform(0, 28, rows), unit="D")
    return pd.DataFrame(
        {
            "customer_id": np.arange(100_000, 100_000 + rows, dtype="int64"),
            "signup_date": start.normalize(),
            "tenure_months": tenure,
            "region": rng.choice(REGIONS, rows, p=[0.22, 0.18, 0.24, 0.06, 0.30]),
            "plan": rng.choice(PLANS, rows, p=[0.38, 0.40, 0.22]),
            "contract": rng.choice(CONTRACTS, rows, p=[0.52, 0.29, 0.19]),
            "payment_method": rng.choice(PAYMENTS, rows, p=[0.31, 0.36, 0.24, 0.09]),
            "has_fibre": rng.random(rows) < 0.34,
        }
    )


def _usage(rng: np.random.Generator, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """What they use: heavy-tailed data, calls, and calls to support."""
    rows = len(frame)
    data_gb = frame["plan"].map(_PLAN_GB) * rng.lognormal(0.0, 0.55, rows)
    trouble = 0.5 + 0.7 * frame["has_fibre"] + 0.5 * (frame["tenure_months"] < 6)
    return {
        "data_gb": data_gb.round(2),
        "call_minutes": pd.Series(rng.gamma(2.0, 75.0, rows).round(1)),
        "support_calls": pd.Series(rng.poisson(trouble), dtype="int64"),
    }


def _billing(rng: np.random.Generator, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """What they pay, and how often they paid late."""
    rows = len(frame)
    overage = np.clip(frame["data_gb"] - 1.5 * frame["plan"].map(_PLAN_GB), 0, None) * 0.9
    monthly = frame["plan"].map(_PLAN_FEE) + 14.0 * frame["has_fibre"] + overage + rng.normal(0, 1.1, rows)
    monthly = monthly.clip(lower=8.0).round(2)
    late_rate = np.where(frame["payment_method"] == "invoice", 0.9, 0.25)
    return {
        "monthly_charge": monthly,
        "total_charges": (monthly * frame["tenure_months"] * rng.uniform(0.92, 1.04, rows)).round(2),
        "late_payments": pd.Series(rng.poisson(late_rate), dtype="int64"),
    }


def _churn_probability(frame: pd.DataFrame) -> pd.Series:
    """A logistic model of leaving; the forest later has to find it again."""
    score = (
        -2.15
        + frame["contract"].map({"monthly": 1.35, "one-year": -0.35, "two-year": -1.5})
        - 0.028 * frame["tenure_months"]
        + 0.48 * frame["support_calls"]
        + 0.42 * frame["late_payments"]
        + 0.032 * (frame["monthly_charge"] - frame["plan"].map(_PLAN_FEE))
        + 0.55 * (frame["region"] == "islands")
        + 0.35 * (frame["payment_method"] == "wallet")
    )
    return 1.0 / (1.0 + np.exp(-score))


def _with_holes(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """Blank what real exports lack: the first bill of new customers, a few usage readings."""
    frame.loc[frame["tenure_months"] == 0, "total_charges"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.012, "data_gb"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.008, "call_minutes"] = np.nan
    return frame
