"""Charts as arithmetic: rows become positions here; templates/charts.html draws, charts.js points."""
