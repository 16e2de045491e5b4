"""Charts as arithmetic: rows become positions here, templates/charts.html draws them, charts.js adds the pointer."""
