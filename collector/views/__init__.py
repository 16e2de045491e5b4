"""Views of pages that people keep under a name."""

from collector.views.store import SavedView, SavedViews, ViewRefused

__all__ = ["SavedView", "SavedViews", "ViewRefused"]
