"""A module of the project's own, beside the pipeline's file."""

# The image that lightweight steps ask for.
BASE = "python:3.11"

# An image with a shell, built before.
TOOLS = "tools:v1"
