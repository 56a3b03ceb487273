"""The synthetic customers and the rules they are held to."""

from __future__ import annotations

import tempfile
import unittest
from datetime import date
from pathlib import Path

from churn.features import LABEL, build_features, read_features, write_features
from churn.schema import InvalidCustomers, validate_customers
from churn.synthetic import generate_customers

SNAPSHOT = date(2024, 6, 1)


class Customers(unittest.TestCase):
    """`generate_customers`."""

    def test_same_seed_same_customers(self) -> None:
        """The seed alone decides."""
        first, second = (generate_customers(500, 3, SNAPSHOT) for _ in range(2))
        self.assertTrue(first.equals(second))
        self.assertFalse(first.equals(generate_customers(500, 4, SNAPSHOT)))

    def test_monthly_contracts_leave_most(self) -> None:
        """The label depends on what it should depend on."""
        frame = generate_customers(5000, 3, SNAPSHOT)
        leaving = frame.groupby("contract")["churned"].mean()
        self.assertGreater(leaving["monthly"], leaving["one-year"])
        self.assertGreater(leaving["one-year"], leaving["two-year"])

    def test_real_exports_have_holes(self) -> None:
        """New customers have no bill yet; some usage readings are missing."""
        frame = generate_customers(5000, 3, SNAPSHOT)
        self.assertTrue(frame.loc[frame["tenure_months"] == 0, "total_charges"].isna().all())
        self.assertTrue(0 < frame["data_gb"].isna().mean() < 0.05)


class Schema(unittest.TestCase):
    """`validate_customers`."""

    def test_every_broken_rule_is_named(self) -> None:
        """One message for all of them."""
        frame = generate_customers(200, 3, SNAPSHOT).assign(plan="gold", late_payments=-1)
        with self.assertRaises(InvalidCustomers) as refusal:
            validate_customers(frame)
        self.assertIn("plan", str(refusal.exception))
        self.assertIn("late_payments", str(refusal.exception))

    def test_an_unlabelled_table_is_refused(self) -> None:
        """A table where nobody left yet would train a model that says so."""
        with self.assertRaisesRegex(InvalidCustomers, "label"):
            validate_customers(generate_customers(200, 3, SNAPSHOT).assign(churned=0))


class Features(unittest.TestCase):
    """`build_features` and Parquet."""

    def test_new_customers_have_a_mean_bill(self) -> None:
        """Where there is no bill, the monthly charge stands in."""
        customers = generate_customers(2000, 3, SNAPSHOT)
        features = build_features(customers)
        new = customers["tenure_months"] == 0
        self.assertTrue((features.loc[new, "mean_bill"] == customers.loc[new, "monthly_charge"]).all())
        self.assertFalse(features["mean_bill"].isna().any())

    def test_parquet_round_trip(self) -> None:
        """What is written is read, column by column too."""
        features = build_features(generate_customers(300, 3, SNAPSHOT))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.parquet"
            write_features(features, path)
            self.assertTrue(read_features(path).equals(features))
            self.assertEqual(list(read_features(path, [LABEL]).columns), [LABEL])


if __name__ == "__main__":
    unittest.main()
