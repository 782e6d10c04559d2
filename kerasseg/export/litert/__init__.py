"""LiteRT: how it is made, opened and read."""
