"""The pipeline's steps as lightweight Kubeflow components.

kfp ships the source of each function alone to its pod, so every import stands inside. The image
has this package in its working folder.
"""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from churn.settings import load_settings

IMAGE = load_settings().image


@dsl.component(base_image=IMAGE)
def load(source_url: str, customers: int, seed: int, snapshot: str, raw: Output[Dataset]):
    """Read the customer table, or generate one where no address is given."""
    from datetime import date

    from churn import lake, synthetic
    from churn.settings import load_settings

    if source_url:
        frame = lake.read_customers(source_url, load_settings().object_store)
    else:
        frame = synthetic.generate_customers(customers, seed, date.fromisoformat(snapshot))
    frame.to_parquet(raw.path, index=False)
    raw.metadata["rows"] = len(frame)


@dsl.component(base_image=IMAGE)
def validate(raw: Input[Dataset], checked: Output[Dataset]):
    """Stop the run where the table breaks the schema."""
    import pandas as pd

    from churn.schema import validate_customers

    frame = validate_customers(pd.read_parquet(raw.path))
    frame.to_parquet(checked.path, index=False)
    checked.metadata["rows"] = len(frame)


@dsl.component(base_image=IMAGE)
def features(checked: Input[Dataset], push_online: bool, table: Output[Dataset]):
    """Derive the model's inputs; on request also fill the online feature store."""
    from pathlib import Path

    import pandas as pd

    from churn.features import build_features, write_features

    frame = build_features(pd.read_parquet(checked.path))
    write_features(frame, Path(table.path))
    table.metadata["columns"] = len(frame.columns)
    if push_online:
        from churn import feature_store

        feature_store.push_online(feature_store.open_store(feature_store.PRODUCTION_STORES), frame)


@dsl.component(base_image=IMAGE)
def train(
    table: Input[Dataset],
    trees: int,
    max_depth: int,
    min_samples_leaf: int,
    test_share: float,
    seed: int,
    tracking_uri: str,
    experiment: str,
    model: Output[Model],
    held_out: Output[Dataset],
) -> str:
    """Grow the forest and log it to MLflow; returns the logged model's address."""
    from pathlib import Path

    from churn import training
    from churn.features import read_features, write_features
    from churn.registry import use_tracking_store

    use_tracking_store(tracking_uri, experiment)
    data = training.split(read_features(Path(table.path)), test_share, seed)
    parameters = training.ForestParameters(trees, max_depth, min_samples_leaf, seed)
    forest = training.fit(data.train, parameters)
    training.save(forest, Path(model.path))
    write_features(data.test, Path(held_out.path))
    model.metadata["framework"] = "scikit-learn"
    return training.track(forest, data, parameters)


@dsl.component(base_image=IMAGE)
def evaluate(
    model: Input[Model],
    held_out: Input[Dataset],
    metrics: Output[Metrics],
    curves: Output[ClassificationMetrics],
    report: Output[HTML],
) -> NamedTuple("Verdict", [("roc_auc", float), ("scores", dict)]):
    """Judge the forest on rows that it has not seen."""
    from collections import namedtuple
    from pathlib import Path

    from churn import training
    from churn.evaluation import CLASSES, evaluate
    from churn.features import read_features
    from churn.report import render

    result = evaluate(training.load(Path(model.path)), read_features(Path(held_out.path)))
    for name, value in result.metrics.items():
        metrics.log_metric(name, value)
    curves.log_roc_curve(result.false_positive_rate, result.true_positive_rate, result.thresholds)
    curves.log_confusion_matrix(CLASSES, result.confusion)
    Path(report.path).write_text(render(result), encoding="utf-8")
    return namedtuple("Verdict", ["roc_auc", "scores"])(result.metrics["roc_auc"], result.metrics)


@dsl.component(base_image=IMAGE)
def register(
    model: Input[Model],
    model_uri: str,
    scores: dict,
    tracking_uri: str,
    experiment: str,
    publish: bool,
) -> str:
    """Make the model the champion; on request also put its file into the bucket. Returns its address."""
    from churn import lake, registry
    from churn.settings import load_settings

    registry.use_tracking_store(tracking_uri, experiment)
    champion = registry.register(model_uri, scores)
    if not publish:
        return champion.uri
    store = load_settings().object_store
    key = f"models/{champion.name}/{champion.version}/model.joblib"
    lake.publish(model.path, key, store)
    return lake.presigned_url(store, key)
