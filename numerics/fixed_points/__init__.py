"""Fixed points of loops: Newton's method, all of them from many starts, and their branches."""
