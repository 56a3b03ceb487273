"""Prints, of the first step of a baked pipeline, its image and its command as JSON, as a run would call it."""

import json
import sys

import yaml

with open(sys.argv[1]) as file:
    pipeline = next(yaml.safe_load_all(file))
container = next(iter(pipeline["deploymentSpec"]["executors"].values()))["container"]
folder = "/tmp/bare"
given = {
    "inputs": {"parameterValues": {"a": 0}},
    "outputs": {"parameters": {"Output": {"outputFile": folder + "/Output"}}, "outputFile": folder + "/output.json"},
}
words = container.get("command", []) + container.get("args", [])
print(container["image"])
print(json.dumps([word.replace("{{$}}", json.dumps(given)) for word in words]))
