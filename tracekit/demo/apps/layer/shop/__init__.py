"""What the shop's functions share, deployed as a layer: calls to each other, objects, messages."""
