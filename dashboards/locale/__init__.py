"""Catalogues of translations by language, and what keeps them whole (`python -m dashboards.locale`)."""
