"""The pipelines of bench/pipeline.sh: compiled once, and run by everybody."""

from kfp import dsl

BASE = "python:3.11"


@dsl.component(base_image=BASE)
def add(a: int) -> int:
    """One more."""
    return a + 1


@dsl.component(base_image=BASE, packages_to_install=["pandas==2.3.3"])
def table(rows: int) -> int:
    """A sum over a table."""
    import pandas as pd

    return int(pd.DataFrame({"x": range(rows)})["x"].sum())


@dsl.pipeline
def one(a: int = 0) -> int:
    """One step."""
    return add(a=a).output


@dsl.pipeline
def ten(a: int = 0) -> int:
    """Ten steps, one after another."""
    for _ in range(10):
        a = add(a=a).output
    return a


@dsl.pipeline
def pandas(rows: int = 1000) -> int:
    """One step that needs pandas."""
    return table(rows=rows).output
