"""The churn pipeline. `python pipeline.py` compiles it to `churn_pipeline.yaml`."""

import argparse
from pathlib import Path

from kfp import compiler, dsl, kubernetes

from churn import cluster, components
from churn.settings import load_training_config

DEFAULTS = load_training_config()


# kfp runs the pipeline function while it is being defined, so its helpers stand before it.


def _with_object_store(task: dsl.PipelineTask) -> None:
    """Give a step the bucket's keys."""
    kubernetes.use_secret_as_env(task, secret_name=cluster.SECRET, secret_key_to_env=cluster.SECRET_TO_ENV)


def _with_feature_store(task: dsl.PipelineTask) -> None:
    """Give a step the addresses of the online and offline feature stores, where a team has them."""
    kubernetes.use_secret_as_env(
        task,
        secret_name=cluster.FEAST_SECRET,
        secret_key_to_env=cluster.FEAST_SECRET_TO_ENV,
        optional=True,
    )


def _on_training_nodes(task: dsl.PipelineTask) -> None:
    """Room to train: the big nodes, a scratch volume for joblib, a second try after an eviction."""
    task.set_cpu_request("2").set_cpu_limit("4").set_memory_limit("8G").set_retry(2)
    task.set_env_variable("JOBLIB_TEMP_FOLDER", cluster.SCRATCH_PATH)
    kubernetes.add_node_selector(task, *cluster.TRAINING_NODES)
    kubernetes.mount_pvc(task, pvc_name=cluster.SCRATCH_CLAIM, mount_path=cluster.SCRATCH_PATH)


@dsl.pipeline(name="churn-retraining", description="Retrain, judge and register the churn model.")
def churn_pipeline(
    source_url: str = "",
    snapshot: str = DEFAULTS.snapshot.isoformat(),
    customers: int = DEFAULTS.customers,
    seed: int = DEFAULTS.seed,
    trees: int = DEFAULTS.trees,
    max_depth: int = DEFAULTS.max_depth,
    min_samples_leaf: int = DEFAULTS.min_samples_leaf,
    test_share: float = DEFAULTS.test_share,
    min_roc_auc: float = DEFAULTS.min_roc_auc,
    tracking_uri: str = "http://mlflow.mlflow:5000",
    experiment: str = "churn",
    push_online: bool = True,
    publish: bool = True,
):
    """Load, validate, derive features, train, evaluate; register what is good enough."""
    raw = components.load(source_url=source_url, customers=customers, seed=seed, snapshot=snapshot)
    raw.set_caching_options(False)
    _with_object_store(raw)

    checked = components.validate(raw=raw.outputs["raw"])

    table = components.features(checked=checked.outputs["checked"], push_online=push_online)
    _with_feature_store(table)

    forest = components.train(
        table=table.outputs["table"],
        trees=trees,
        max_depth=max_depth,
        min_samples_leaf=min_samples_leaf,
        test_share=test_share,
        seed=seed,
        tracking_uri=tracking_uri,
        experiment=experiment,
    )
    _on_training_nodes(forest)

    verdict = components.evaluate(model=forest.outputs["model"], held_out=forest.outputs["held_out"])

    with dsl.If(verdict.outputs["roc_auc"] >= min_roc_auc, name="good-enough"):
        champion = components.register(
            model=forest.outputs["model"],
            model_uri=forest.outputs["Output"],
            scores=verdict.outputs["scores"],
            tracking_uri=tracking_uri,
            experiment=experiment,
            publish=publish,
        )
        champion.set_caching_options(False)
        _with_object_store(champion)


def compile_to(path: Path) -> Path:
    """Compile the pipeline to YAML at `path`."""
    compiler.Compiler().compile(churn_pipeline, str(path))
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("churn_pipeline.yaml"))
    print(compile_to(parser.parse_args().output))


if __name__ == "__main__":
    main()
