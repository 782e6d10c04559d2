"""Layers in the form that is fast in an exported file."""
