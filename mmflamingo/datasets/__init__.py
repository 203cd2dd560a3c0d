"""Annotation files become records; records become few-shot queries or training sequences."""

from . import transforms
from .base import FlamingoDataset
from .coco_caption import COCOCaption, FlamingoEvalCOCOCaption
from .controls import ShuffledPictures
from .few_shot import FewShotMixin, SupportFileMixin
from .image_features import ImageFeatures
from .image_questions import (
    GQA,
    FlamingoEvalGQA,
    FlamingoEvalTextVQA,
    FlamingoEvalVizWiz,
    TextVQA,
    VizWiz,
)
from .interleaved import InterleavedDataset
from .questions import QuestionFile, QuestionSet
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
    'GQA',
    'FlamingoEvalGQA',
    'FlamingoEvalTextVQA',
    'FlamingoEvalVizWiz',
    'QuestionFile',
    'QuestionSet',
    'SupportFileMixin',
    'TextVQA',
    'VizWiz',
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
