"""Annotation files become records; records become few-shot queries or training sequences."""

from . import transforms
from .base import FlamingoDataset
from .coco_caption import COCOCaption, FlamingoEvalCOCOCaption
from .controls import ShuffledPictures
from .few_shot import FewShotMixin
from .image_features import ImageFeatures
from .interleaved import InterleavedDataset
from .rices import RICES
from .samplers import EpochSampler
from .shot_selection import ClassBalancedShots, ListedShots, RandomShots, ShotPool, ShotSelector
from .text import TextBlocks
from .vqa import COCOVQA, FlamingoEvalCOCOVQA

__all__ = [
    'COCOCaption',
    'ClassBalancedShots',
    'ImageFeatures',
    'ListedShots',
    'RICES',
    'RandomShots',
    'ShotSelector',
    'COCOVQA',
    'EpochSampler',
    'FewShotMixin',
    'FlamingoDataset',
    'FlamingoEvalCOCOCaption',
    'FlamingoEvalCOCOVQA',
    'InterleavedDataset',
    'ShotPool',
    'ShuffledPictures',
    'TextBlocks',
    'transforms',
]
