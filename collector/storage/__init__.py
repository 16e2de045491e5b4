"""Engines behind one contract (base.py)."""
