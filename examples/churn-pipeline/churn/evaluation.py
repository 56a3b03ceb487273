"""How good a candidate is: figures, ROC curve, confusion matrix, what it looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)
from sklearn.pipeline import Pipeline

from churn.features import LABEL
from churn.training import score

CLASSES = ["stays", "leaves"]

# A page and a metadata store are both better off with a curve of this many points than with
# one point per customer.
_CURVE_POINTS = 60


@dataclass(frozen=True)
class Evaluation:
    """Everything later steps and the report need to know about a candidate."""

    metrics: dict[str, float]
    false_positive_rate: list[float]
    true_positive_rate: list[float]
    thresholds: list[float]
    confusion: list[list[int]]
    importances: dict[str, float]


def evaluate(model: Pipeline, test: pd.DataFrame, threshold: float = 0.5) -> Evaluation:
    """Judge `model` on rows it has not seen."""
    truth = test[LABEL].to_numpy()
    scores = score(model, test)
    guess = (scores >= threshold).astype(int)
    fpr, tpr, thresholds = _thinned(*roc_curve(truth, scores, drop_intermediate=True))
    return Evaluation(
        metrics=_metrics(truth, scores, guess),
        false_positive_rate=fpr,
        true_positive_rate=tpr,
        thresholds=thresholds,
        confusion=confusion_matrix(truth, guess).tolist(),
        importances=_importances(model),
    )


def _metrics(truth: np.ndarray, scores: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    return {
        "roc_auc": float(roc_auc_score(truth, scores)),
        "average_precision": float(average_precision_score(truth, scores)),
        "accuracy": float(accuracy_score(truth, guess)),
        "precision": float(precision_score(truth, guess)),
        "recall": float(recall_score(truth, guess)),
        "f1": float(f1_score(truth, guess)),
    }


def _thinned(fpr: np.ndarray, tpr: np.ndarray, thresholds: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """A readable number of points. The first threshold is infinite, which JSON cannot say: it becomes 1."""
    keep = np.unique(np.linspace(0, len(fpr) - 1, min(len(fpr), _CURVE_POINTS)).astype(int))
    finite = np.where(np.isfinite(thresholds), thresholds, 1.0)
    return fpr[keep].tolist(), tpr[keep].tolist(), finite[keep].tolist()


def _importances(model: Pipeline, top: int = 10) -> dict[str, float]:
    """The inputs that the forest splits on most, heaviest first."""
    names = model.named_steps["prepare"].get_feature_names_out()
    weights = model.named_steps["forest"].feature_importances_
    order = np.argsort(weights)[::-1][:top]
    return {names[i].split("__", 1)[-1]: float(weights[i]) for i in order}
