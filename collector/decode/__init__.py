"""Wire bytes to batches: one shape, whichever encoding they came in."""

from __future__ import annotations


def decoder_name() -> str:
    """What reads spans in protobuf: "c", or "python" where the extension was not built or not wanted."""
    from collector.decode import choice  # late: the name must not cost the import of every decoder

    return choice.decoder_name()
