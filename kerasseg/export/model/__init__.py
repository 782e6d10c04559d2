"""Keras models in the form that gets exported."""
