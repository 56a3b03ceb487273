"""Do once, on this machine, all that the churn pipeline does on a cluster.

Every step runs through its Kubeflow component, then come the things around it: Parquet both ways,
the MLflow store, the feature store, the compiled pipeline, the cluster's objects, a signed link.
One line a stage; the exit code is 0 only if all of them hold. Needs no network and no Kubernetes,
and writes only into a temporary folder.

Each stage imports what it uses itself, so that a missing package fails the stage that needs it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

# Before MLflow is imported: no usage reports, no search for a git binary.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

PROJECT = Path(__file__).resolve().parent

# The components that the compiled pipeline must have.
STEPS = {"load", "validate", "features", "train", "evaluate", "register"}


# Any of Kubeflow's kinds of artifact.
Artifact = TypeVar("Artifact")


class CheckFailed(AssertionError):
    """A stage ran, but what it produced is wrong."""


@dataclass
class Job:
    """What the stages share: a folder, and the answers of earlier stages."""

    folder: Path
    customers: int
    model_uri: str = ""
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def tracking_uri(self) -> str:
        """The MLflow store of this job."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def artifact(self, kind: type[Artifact], name: str) -> Artifact:
        """The Kubeflow artifact `name`, a file in the job's folder."""
        return kind(name=name, uri=str(self.folder / name))


def check(holds: bool, claim: str) -> None:
    """Raise where `claim` does not hold."""
    if not holds:
        raise CheckFailed(f"not so: {claim}")


def stage_load(job: Job) -> str:
    """The same seed gives the same customers; another seed gives others."""
    import pandas as pd
    from kfp.dsl import Dataset

    from churn import components
    from churn.settings import load_training_config

    defaults = load_training_config()

    def load(name: str, seed: int) -> pd.DataFrame:
        raw = job.artifact(Dataset, name)
        components.load.python_func("", job.customers, seed, defaults.snapshot.isoformat(), raw)
        return pd.read_parquet(raw.path)

    frame = load("raw", defaults.seed)
    check(len(frame) == job.customers, "the table has a row for each customer")
    check(frame.equals(load("raw-again", defaults.seed)), "one seed gives one table")
    check(not frame.equals(load("raw-other", defaults.seed + 1)), "another seed gives another table")
    share = frame["churned"].mean()
    check(0.1 < share < 0.5, "between a tenth and a half of the customers leave")
    return f"{len(frame)} customers, {share:.1%} of them leave"


def stage_validate(job: Job) -> str:
    """A sound table passes, a broken one is refused with the reason."""
    import pandas as pd
    from kfp.dsl import Dataset

    from churn import components
    from churn.schema import InvalidCustomers, validate_customers

    checked = job.artifact(Dataset, "checked")
    components.validate.python_func(job.artifact(Dataset, "raw"), checked)
    frame = pd.read_parquet(checked.path)
    try:
        validate_customers(frame.assign(plan="gold", monthly_charge=-1.0))
    except InvalidCustomers as refusal:
        check("plan" in str(refusal) and "monthly_charge" in str(refusal), "both broken columns are named")
        return f"{checked.metadata['rows']} rows pass, a broken table is refused"
    raise CheckFailed("not so: a table with an unknown plan and negative charges is refused")


def stage_features(job: Job) -> str:
    """Features survive Parquet in both directions: pandas reads pyarrow's file, pyarrow reads pandas'."""
    import pyarrow.parquet as pq
    from kfp.dsl import Dataset

    from churn import components
    from churn.features import read_features

    table = job.artifact(Dataset, "features")
    components.features.python_func(job.artifact(Dataset, "checked"), False, table)
    frame = read_features(Path(table.path))
    second = job.folder / "features-pandas.parquet"
    frame.to_parquet(second, index=False)
    check(pq.read_table(second).to_pandas().equals(frame), "both Parquet ways give the same table")
    codec = pq.ParquetFile(table.path).metadata.row_group(0).column(0).compression
    check(codec == "ZSTD", "features are stored with zstd")
    return f"{len(frame.columns)} columns, the same both ways"


def stage_train(job: Job) -> str:
    """The forest is logged to MLflow, and MLflow's copy predicts what the file's copy predicts."""
    import mlflow
    import numpy as np
    from kfp.dsl import Dataset, Model

    from churn import components, training
    from churn.features import read_features
    from churn.settings import load_training_config

    knobs = load_training_config()
    for chatty in ("alembic", "mlflow"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    model, held_out = job.artifact(Model, "model"), job.artifact(Dataset, "held-out")
    job.model_uri = components.train.python_func(
        job.artifact(Dataset, "features"),
        knobs.trees,
        knobs.max_depth,
        knobs.min_samples_leaf,
        knobs.test_share,
        knobs.seed,
        job.tracking_uri,
        "churn",
        model,
        held_out,
    )
    rows = read_features(Path(held_out.path))
    logged = training.score(mlflow.sklearn.load_model(job.model_uri), rows)
    saved = training.score(training.load(Path(model.path)), rows)
    check((job.folder / "mlruns").is_dir(), "models are kept beside the MLflow database")
    check(np.allclose(logged, saved), "MLflow's model predicts what the saved model predicts")
    return f"{knobs.trees} trees, logged as {job.model_uri.split('/', 1)[0]}/… and read back"


def stage_evaluate(job: Job) -> str:
    """The forest is better than chance, and all three kinds of result are there."""
    from kfp.dsl import HTML, ClassificationMetrics, Dataset, Metrics, Model

    from churn import components
    from churn.settings import load_training_config

    metrics, curves = job.artifact(Metrics, "metrics"), job.artifact(ClassificationMetrics, "curves")
    report = job.artifact(HTML, "report.html")
    verdict = components.evaluate.python_func(
        job.artifact(Model, "model"), job.artifact(Dataset, "held-out"), metrics, curves, report
    )
    job.scores = verdict.scores
    check(verdict.roc_auc >= load_training_config().min_roc_auc, "the forest passes the gate")
    check(metrics.metadata["roc_auc"] == verdict.roc_auc, "the metrics artifact says the same")
    counted = sum(sum(row["row"]) for row in curves.metadata["confusionMatrix"]["rows"])
    check(counted == round(job.customers * load_training_config().test_share), "every held-out row is counted")
    check(len(curves.metadata["confidenceMetrics"]) > 10, "the ROC curve has points")
    check("<svg" in Path(report.path).read_text(encoding="utf-8"), "the report has pictures")
    return f"ROC AUC {verdict.roc_auc:.3f}, report of {Path(report.path).stat().st_size} bytes"


def stage_register(job: Job) -> str:
    """The registered champion loads by its address."""
    import mlflow
    from kfp.dsl import Model

    from churn import components

    uri = components.register.python_func(
        job.artifact(Model, "model"), job.model_uri, job.scores, job.tracking_uri, "churn", False
    )
    check(hasattr(mlflow.pyfunc.load_model(uri), "predict"), "the champion loads and can predict")
    version = mlflow.MlflowClient().get_model_version_by_alias("churn-forest", "champion")
    check(version.tags["roc_auc"] == f"{job.scores['roc_auc']:.4f}", "the champion carries its score")
    return uri


def stage_feast(job: Job) -> str:
    """Features written to the local online store come back; production's stores can be loaded."""
    from churn import feature_store
    from churn.features import read_features

    features = read_features(job.folder / "features").head(200)
    folder = job.folder / "feast"
    folder.mkdir()
    store = feature_store.open_store(feature_store.LOCAL_STORES, folder)
    feature_store.push_online(store, features)
    wanted = features.iloc[[3, 17]]
    served = feature_store.lookup(store, wanted["customer_id"].tolist())
    check((folder / "data" / "registry.db").is_file(), "the registry is in the folder that it was given")
    check(served["mean_bill"].tolist() == wanted["mean_bill"].tolist(), "served features are the written ones")
    production = feature_store.production_config()
    kinds = (type(production.online_store).__name__, type(production.offline_store).__name__)
    check(kinds == ("RedisOnlineStoreConfig", "PostgreSQLOfflineStoreConfig"), "production uses redis and postgres")
    table = feature_store.definitions.warehouse_source().get_table_query_string()
    check("customer_features" in table, "production reads the warehouse's table")
    return f"{len(features)} rows pushed, 2 looked up, production stores load"


def stage_compile(job: Job) -> str:
    """The compiled pipeline has all steps and what they need of Kubernetes."""
    from kfp import components as kfp_components

    import pipeline

    path = pipeline.compile_to(job.folder / "churn_pipeline.yaml")
    loaded = kfp_components.load_component_from_file(str(path))
    steps = {name.removeprefix("exec-") for name in loaded.pipeline_spec.deployment_spec["executors"]}
    check(steps == STEPS, "the compiled pipeline has the six steps")
    needs = loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors
    check("secretAsEnv" in needs["exec-load"], "loading gets the bucket's keys")
    check({"nodeSelector", "pvcMount"} <= set(needs["exec-train"]), "training gets its nodes and its volume")
    return f"{len(steps)} steps, {len(needs)} with Kubernetes settings, {path.stat().st_size} bytes of YAML"


def stage_cluster(_job: Job) -> str:
    """The objects that the pipeline needs are well-formed, and named as the pipeline names them."""
    from churn import cluster
    from churn.settings import load_settings

    objects = cluster.manifests(load_settings(PROJECT / ".env.example", {}))
    names = {(item["kind"], item["metadata"]["name"]) for item in objects}
    wanted = {("Secret", cluster.SECRET), ("PersistentVolumeClaim", cluster.SCRATCH_CLAIM)}
    check(names == wanted, "a secret and a volume claim")
    check(set(objects[0]["stringData"]) == set(cluster.SECRET_TO_ENV), "the secret has the keys that steps read")
    return ", ".join(sorted(kind for kind, _ in names))


def stage_storage(job: Job) -> str:
    """A link is signed without a connection, and both kinds of address resolve to a file system."""
    from urllib.parse import parse_qs, urlsplit

    import fsspec

    from churn import lake
    from churn.settings import load_settings

    store = load_settings(PROJECT / ".env.example", {}).object_store
    link = urlsplit(lake.presigned_url(store, "models/churn-forest/1/model.joblib", seconds=900))
    query = parse_qs(link.query)
    check(link.netloc.startswith(f"{store.bucket}."), "the link leads to the bucket")
    check(query["X-Amz-Expires"] == ["900"] and len(query["X-Amz-Signature"][0]) == 64, "the link is signed")
    check(isinstance(lake.filesystem(store), fsspec.get_filesystem_class("s3")), "s3:// is served by s3fs")
    rows = len(lake.read_customers((job.folder / "raw").as_uri(), store))
    check(rows == job.customers, "a file:// address reads the same table")
    return "link signed with SigV4 for 900 s"


STAGES: dict[str, Callable[[Job], str]] = {
    "load": stage_load,
    "validate": stage_validate,
    "features": stage_features,
    "train": stage_train,
    "evaluate": stage_evaluate,
    "register": stage_register,
    "feast": stage_feast,
    "compile": stage_compile,
    "cluster": stage_cluster,
    "storage": stage_storage,
}


def run(job: Job) -> bool:
    """Run the stages in order and print a line for each; stop at the first that fails."""
    for name, stage in STAGES.items():
        begin = time.perf_counter()
        try:
            answer = stage(job)
        # Whatever goes wrong, and a broken installation can raise anything, is this stage's answer.
        except Exception as error:
            print(f"FAIL  {name:<9} {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
            return False
        print(f"ok    {name:<9} {answer}  ({time.perf_counter() - begin:.1f} s)", flush=True)
    return True


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--customers", type=int, default=4000, help="rows to generate (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churn-job-") as folder:
        return 0 if run(Job(Path(folder), arguments.customers)) else 1


if __name__ == "__main__":
    sys.exit(main())
