//! What native code needs: every library that an ELF file asks for, found inside the image.
