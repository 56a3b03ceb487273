"""A notebook as a step; it is carried inside the component."""

from pathlib import Path

from kfp import dsl
from kfp.dsl import Artifact, Output

from helpers import BASE

NOTEBOOK = Path(__file__).with_name("square.ipynb")


@dsl.notebook_component(notebook_path=str(NOTEBOOK), base_image=BASE)
def square(number: int, result: Output[Artifact]) -> int:
    """Runs the notebook with the number, and takes what it wrote."""
    dsl.run_notebook(number=number, path=result.path)
    return int(open(result.path).read())


@dsl.pipeline
def notebooks(number: int = 6) -> int:
    """The square of a number, from a notebook."""
    return square(number=number).outputs["Output"]
