"""Predictions of more images than one process handles."""

from kerasseg.jobs.predict_all import JobReport
from kerasseg.jobs.predict_all import predict_all

__all__ = ["JobReport", "predict_all"]
