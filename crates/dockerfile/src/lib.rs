//! Dockerfile and `.dockerignore`: what they say. Pure: text in, meaning out.
