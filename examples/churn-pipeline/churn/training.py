"""Train the forest and record the run with MLflow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from churn.features import CATEGORICAL, LABEL, NUMERIC

MODEL_NAME = "churn-forest"

# MLflow's skops format loads only types on its list. A forest's trees are not on it, because a
# forged tree can crash whoever predicts with it; ours come from our own registry.
_TRUSTED_TYPES = ["numpy.dtype", "sklearn.tree._tree.Tree"]


@dataclass(frozen=True)
class ForestParameters:
    """What a forest is grown with."""

    trees: int
    max_depth: int
    min_samples_leaf: int
    seed: int


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge by."""

    train: pd.DataFrame
    test: pd.DataFrame


def split(features: pd.DataFrame, test_share: float, seed: int) -> Split:
    """Split with the same share of leavers on both sides."""
    train, test = train_test_split(features, test_size=test_share, random_state=seed, stratify=features[LABEL])
    return Split(train, test)


def fit(train: pd.DataFrame, parameters: ForestParameters) -> Pipeline:
    """Grow the forest behind its imputation and encoding."""
    prepare = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), NUMERIC),
            ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORICAL),
        ]
    )
    forest = RandomForestClassifier(
        n_estimators=parameters.trees,
        max_depth=parameters.max_depth,
        min_samples_leaf=parameters.min_samples_leaf,
        class_weight="balanced",
        random_state=parameters.seed,
        n_jobs=-1,
    )
    return Pipeline([("prepare", prepare), ("forest", forest)]).fit(_inputs(train), train[LABEL])


def score(model: Pipeline, features: pd.DataFrame) -> np.ndarray:
    """The probability of leaving, one per row."""
    return model.predict_proba(_inputs(features))[:, 1]


def track(model: Pipeline, data: Split, parameters: ForestParameters) -> str:
    """Log parameters and the model as one MLflow run; returns the logged model's address."""
    sample = _inputs(data.test.head(100))
    with mlflow.start_run(run_name="retrain"):
        mlflow.log_params(asdict(parameters) | {"train_rows": len(data.train)})
        mlflow.log_metric("train_accuracy", model.score(_inputs(data.train), data.train[LABEL]))
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(sample, model.predict(sample)),
            # Named, because guessing them starts a second interpreter and takes half a minute.
            pip_requirements=["scikit-learn", "pandas"],
            skops_trusted_types=_TRUSTED_TYPES,
        )
    return logged.model_uri


def save(model: Pipeline, path: Path) -> None:
    """Write the model for the steps that follow."""
    joblib.dump(model, path, compress=3)


def load(path: Path) -> Pipeline:
    """Read what `save` wrote."""
    return joblib.load(path)


def _inputs(frame: pd.DataFrame) -> pd.DataFrame:
    """The model's columns; numbers as floats, so that a hole in later data does not change a type."""
    return frame[[*NUMERIC, *CATEGORICAL]].astype(dict.fromkeys(NUMERIC, "float64"))
