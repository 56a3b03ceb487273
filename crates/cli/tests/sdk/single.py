"""One pipeline, and one that it imports as a part."""

from kfp import dsl

from pipelines import inner


@dsl.pipeline
def outer(a: int = 3) -> int:
    """Another pipeline is a part of this one."""
    return inner(a=a).output
