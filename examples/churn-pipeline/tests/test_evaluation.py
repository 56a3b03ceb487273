"""Figures and report of a small forest."""

from __future__ import annotations

import math
import unittest
from datetime import date

from churn.evaluation import Evaluation, evaluate
from churn.features import build_features
from churn.report import render
from churn.synthetic import generate_customers
from churn.training import ForestParameters, fit, split


def small_evaluation() -> Evaluation:
    """A forest of ten trees, judged."""
    data = split(build_features(generate_customers(1500, 5, date(2024, 6, 1))), 0.3, 5)
    return evaluate(fit(data.train, ForestParameters(10, 6, 5, 5)), data.test)


class Judged(unittest.TestCase):
    """`evaluate` and `render`."""

    @classmethod
    def setUpClass(cls) -> None:
        """Train once for all tests."""
        cls.result = small_evaluation()

    def test_the_curve_is_a_curve(self) -> None:
        """From corner to corner, rising, and every number can be written as JSON."""
        fpr, tpr = self.result.false_positive_rate, self.result.true_positive_rate
        self.assertEqual((fpr[0], tpr[0], fpr[-1], tpr[-1]), (0.0, 0.0, 1.0, 1.0))
        self.assertEqual((fpr, tpr), (sorted(fpr), sorted(tpr)))
        self.assertTrue(all(math.isfinite(value) for value in self.result.thresholds))

    def test_figures_agree_with_the_matrix(self) -> None:
        """Recall and precision can be recomputed from the confusion matrix."""
        (_, false_alarms), (missed, caught) = self.result.confusion
        self.assertAlmostEqual(self.result.metrics["recall"], caught / (caught + missed))
        self.assertAlmostEqual(self.result.metrics["precision"], caught / (caught + false_alarms))

    def test_the_page_shows_all_of_it(self) -> None:
        """Every figure and the heaviest input; nothing from outside."""
        page = render(self.result)
        for name, value in self.result.metrics.items():
            self.assertIn(f"<th>{name}</th><td>{value:.3f}</td>", page)
        self.assertIn(next(iter(self.result.importances)), page)
        self.assertNotIn("http", page)


if __name__ == "__main__":
    unittest.main()
