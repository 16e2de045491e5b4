"""Threshold rules over stored calls: evaluated, remembered, notified."""
