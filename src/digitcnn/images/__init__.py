"""Any picture, in any form and of any size, one or many: decoded, upright, grayscale."""

from __future__ import annotations

from digitcnn.images.forms import is_single
from digitcnn.images.pictures import Picture, iter_pictures, open_picture
from digitcnn.images.values import IMAGE_SIDE

__all__ = ["IMAGE_SIDE", "Picture", "is_single", "iter_pictures", "open_picture"]
