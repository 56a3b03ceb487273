"""A pipeline that gives a step something of another type."""

from kfp import dsl


@dsl.component
def add(a: int) -> int:
    """One more."""
    return a + 1


@dsl.pipeline
def wrong():
    """A text where a number is needed."""
    add(a="one")
