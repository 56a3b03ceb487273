//! From requirements to a lock: driving `uv` in the sandbox, building what has no wheel.
