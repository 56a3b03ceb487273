"""Tests; `python -m unittest` in the project's folder runs them."""
