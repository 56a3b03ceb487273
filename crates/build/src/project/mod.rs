//! What a folder is: its requirements, its settings, what its Dockerfile tells.
