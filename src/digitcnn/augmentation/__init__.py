"""Random changes that leave a digit the same digit, and damage that befalls pictures of it."""

from digitcnn.augmentation._changes import Augmentation, augment, photograph
from digitcnn.augmentation.damages import DAMAGES, damage

__all__ = ["DAMAGES", "Augmentation", "augment", "damage", "photograph"]
