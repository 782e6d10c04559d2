"""For each builder of models, where its weights are in published files."""
