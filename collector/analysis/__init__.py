"""Pure functions over rows that readers return."""
