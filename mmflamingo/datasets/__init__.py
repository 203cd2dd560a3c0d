"""Annotation files become records; records become few-shot queries or training sequences."""

from . import transforms
from .base import FlamingoDataset
from .coco_caption import COCOCaption, FlamingoEvalCOCOCaption
from .controls import ShuffledPictures
from .few_shot import FewShotMixin, ShotPool
from .interleaved import InterleavedDataset
from .samplers import EpochSampler
from .text import TextBlocks
from .vqa import COCOVQA, FlamingoEvalCOCOVQA

__all__ = [
    'COCOCaption',
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
