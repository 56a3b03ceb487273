"""Runs in the image of a baked step: its command as bare processes, without a sandbox for each.

Arguments: the step's command as JSON, and how often. Prints the median of the seconds.
"""

import json
import statistics
import subprocess
import sys
import time

times = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter()
    subprocess.run(json.loads(sys.argv[1]), check=True, capture_output=True)
    times.append(time.perf_counter() - begin)
print(f"{statistics.median(times):.4f}")
