"""What the pipeline expects to find in its namespace, as Kubernetes objects."""

from __future__ import annotations

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from churn.settings import ObjectStore, Settings

SECRET = "churn-object-store"
SCRATCH_CLAIM = "churn-scratch"
SCRATCH_PATH = "/scratch"
TRAINING_NODES = ("workload", "training")

# The secret's keys and the environment variables that the steps read.
SECRET_TO_ENV = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}

# Run by the platform team; this project only reads it.
FEAST_SECRET = "churn-feast"
FEAST_SECRET_TO_ENV = {
    "postgres-host": "FEAST_POSTGRES_HOST",
    "postgres-password": "FEAST_POSTGRES_PASSWORD",
    "redis": "FEAST_REDIS",
}

_ALREADY_EXISTS = 409


def object_store_secret(store: ObjectStore) -> client.V1Secret:
    """The bucket's keys."""
    return client.V1Secret(
        api_version="v1",
        kind="Secret",
        metadata=client.V1ObjectMeta(name=SECRET),
        string_data={"accesskey": store.access_key, "secretkey": store.secret_key},
    )


def scratch_claim(size: str = "10Gi") -> client.V1PersistentVolumeClaim:
    """Room for joblib's memory-mapped arrays; `/dev/shm` of a pod is too small for them."""
    return client.V1PersistentVolumeClaim(
        api_version="v1",
        kind="PersistentVolumeClaim",
        metadata=client.V1ObjectMeta(name=SCRATCH_CLAIM),
        spec=client.V1PersistentVolumeClaimSpec(
            access_modes=["ReadWriteOnce"],
            resources=client.V1VolumeResourceRequirements(requests={"storage": size}),
        ),
    )


def manifests(settings: Settings) -> list[dict[str, object]]:
    """Everything as plain data, for `kubectl apply` and for review."""
    api = client.ApiClient()
    objects = (object_store_secret(settings.object_store), scratch_claim())
    return [api.sanitize_for_serialization(item) for item in objects]


def ensure(settings: Settings) -> None:
    """Create what is missing in the namespace; leave what is there."""
    config.load_config()
    core = client.CoreV1Api()
    for create, body in (
        (core.create_namespaced_secret, object_store_secret(settings.object_store)),
        (core.create_namespaced_persistent_volume_claim, scratch_claim()),
    ):
        try:
            create(settings.namespace, body)
        except ApiException as error:
            if error.status != _ALREADY_EXISTS:
                raise
