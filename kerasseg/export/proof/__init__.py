"""The proof that a file computes what its model computes."""
