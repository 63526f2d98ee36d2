"""Any picture, in any form and of any size, one or many: decoded, upright, grayscale."""

from __future__ import annotations

from digitcnn.images.many import is_single, iter_pictures
from digitcnn.images.pictures import Picture, open_picture
from digitcnn.images.values import IMAGE_SIDE

__all__ = ["IMAGE_SIDE", "Picture", "is_single", "iter_pictures", "open_picture"]
