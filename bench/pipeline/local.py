"""Runs a compiled pipeline with the SDK's own local runner. Prints the seconds that it took, the SDK's import apart.

Arguments: the compiled pipeline, `venv` or `plain`, and a folder for its artifacts. `venv` is that runner's default: each
step in a virtual environment of its own.
"""

import sys
import time

from kfp import components, local


def main():
    """Run it once."""
    package, environment, folder = sys.argv[1:]
    pipeline = components.load_component_from_file(package)
    local.init(runner=local.SubprocessRunner(use_venv=environment == "venv"), pipeline_root=folder)
    begin = time.perf_counter()
    outputs = pipeline().outputs
    seconds = time.perf_counter() - begin
    if list(outputs.values()) not in ([1], [10], [499500]):
        sys.exit(f"{package} gave {outputs}")
    print(f"{seconds:.3f}")


main()
