"""How published and exported datasets lie on disk, a file for each."""
