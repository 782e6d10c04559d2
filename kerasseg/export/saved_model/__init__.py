"""SavedModel: how it is made, opened and read."""
