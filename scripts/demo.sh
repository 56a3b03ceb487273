#!/usr/bin/env bash
# Shows the main job on real input. Usage: scripts/demo.sh path/to/lightship
set -euo pipefail
lightship=${1:?usage: scripts/demo.sh path/to/lightship}

"$lightship" --help
