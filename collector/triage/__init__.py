"""What people decided about errors: resolved, ignored."""
