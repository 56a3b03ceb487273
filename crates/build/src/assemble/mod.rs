//! From parcels to layers, and from layers to an image.
