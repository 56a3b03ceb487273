//! Reading `.deb` files (*deb(5)*).
