"""What a customer table must look like before anything is trained on it."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from churn.synthetic import CONTRACTS, PAYMENTS, PLANS, REGIONS

RAW_SCHEMA = pa.DataFrameSchema(
    {
        "customer_id": pa.Column("int64", pa.Check.gt(0), unique=True),
        "signup_date": pa.Column("datetime64[ns]"),
        "tenure_months": pa.Column("int64", pa.Check.in_range(0, 600)),
        "region": pa.Column(str, pa.Check.isin(REGIONS)),
        "plan": pa.Column(str, pa.Check.isin(PLANS)),
        "contract": pa.Column(str, pa.Check.isin(CONTRACTS)),
        "payment_method": pa.Column(str, pa.Check.isin(PAYMENTS)),
        "has_fibre": pa.Column(bool),
        "data_gb": pa.Column(float, pa.Check.ge(0), nullable=True),
        "call_minutes": pa.Column(float, pa.Check.ge(0), nullable=True),
        "support_calls": pa.Column("int64", pa.Check.in_range(0, 200)),
        "monthly_charge": pa.Column(float, pa.Check.in_range(1, 1000)),
        "total_charges": pa.Column(float, pa.Check.ge(0), nullable=True),
        "late_payments": pa.Column("int64", pa.Check.ge(0)),
        "churned": pa.Column("int64", pa.Check.isin((0, 1))),
        "event_timestamp": pa.Column("datetime64[ns, UTC]"),
    },
    checks=[
        pa.Check(
            lambda frame: frame["data_gb"].isna().mean() < 0.05,
            error="more than 5 % of the data usage is missing",
        ),
        pa.Check(
            lambda frame: frame["churned"].mean().item() > 0.01,
            error="hardly anybody left: the label is probably not filled in yet",
        ),
    ],
    strict=True,
)


class InvalidCustomers(ValueError):
    """The table breaks the schema; the message lists every broken rule once."""


def validate_customers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` unchanged, or raise `InvalidCustomers` naming all that is wrong with it."""
    try:
        return RAW_SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        rules = cases.groupby(["column", "check"], dropna=False).size()
        listed = "; ".join(f"{column}: {check} ({count} rows)" for (column, check), count in rules.items())
        raise InvalidCustomers(f"the customer table breaks {len(rules)} rule(s): {listed}") from error
