"""Makes thumbnails of uploaded images; object storage calls it for every new object."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from PIL import Image
from shop.objects import get_object, put_object

from tracekit import set_attribute, traced

WIDTHS = (320, 160, 64)
log = logging.getLogger("shop.images")
log.setLevel(logging.INFO)


@traced
def handler(event: bytes, context: object) -> str:
    made = [key for record in json.loads(event)["events"] for key in thumbnails(record["oss"])]
    return json.dumps({"made": made})


def thumbnails(oss: dict[str, Any]) -> list[str]:
    key = oss["object"]["key"]
    image = decode(get_object(oss["bucket"]["name"], key))
    log.info("%s has %d x %d pixels", key, image.width, image.height)
    return [store(f"{width}/{key}", shrink(image, width)) for width in WIDTHS]


@traced
def decode(data: bytes) -> Image.Image:
    """Raises PIL.UnidentifiedImageError or OSError when somebody uploaded something else, or half of it."""
    image = Image.open(io.BytesIO(data))
    image.load()
    set_attribute("shop.image.pixels", image.width * image.height)
    return image


@traced
def shrink(image: Image.Image, width: int) -> bytes:
    set_attribute("shop.thumbnail.width", width)
    small = image.copy()
    small.thumbnail((width, width), Image.Resampling.LANCZOS)
    output = io.BytesIO()
    small.save(output, "JPEG", quality=85)
    return output.getvalue()


def store(key: str, data: bytes) -> str:
    put_object("thumbnails", key, data)
    return key
