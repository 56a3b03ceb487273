"""Start one retraining on the cluster: make sure its secret and volume exist, then submit."""

from kfp import Client

from churn import cluster
from churn.settings import load_settings
from pipeline import churn_pipeline


def main() -> None:
    """Submit with the defaults of `config/training.toml` and print where to look."""
    settings = load_settings()
    cluster.ensure(settings)
    run = Client(host=settings.kfp_host, namespace=settings.namespace).create_run_from_pipeline_func(
        churn_pipeline,
        arguments={"tracking_uri": settings.tracking_uri, "experiment": settings.experiment},
        experiment_name=settings.experiment,
    )
    print(f"{settings.kfp_host}/#/runs/details/{run.run_id}")


if __name__ == "__main__":
    main()
