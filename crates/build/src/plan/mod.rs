//! What an image will be made of, as data.
