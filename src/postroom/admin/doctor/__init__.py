"""``postroom doctor``: what is wrong with an install, why, and what to do; some of it is mended."""
