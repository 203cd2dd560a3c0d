"""Annotation files become records; records become few-shot queries or training sequences."""

from . import transforms
from .base import FlamingoDataset
from .coco_caption import COCOCaption, FlamingoEvalCOCOCaption
from .image_questions import (
    GQA,
    FlamingoEvalGQA,
    FlamingoEvalTextVQA,
    FlamingoEvalVizWiz,
    TextVQA,
    VizWiz,
)
from .imagenet import FlamingoEvalImageNet, ImageNet
from .interleaved import InterleavedDataset
from .multiple_choice import (
    AOKVQA,
    FlamingoEvalAOKVQA,
    FlamingoEvalHatefulMemes,
    FlamingoEvalScienceQA,
    HatefulMemes,
    ScienceQA,
)
from .nextqa import FlamingoEvalNExTQA, FlamingoEvalNExTQAOpenEnded, NExTQA, NExTQAOpenEnded
from .questions import QuestionFile, QuestionSet
from .samplers import EpochSampler, LengthBatchSampler
from .shots.controls import ShuffledPictures
from .shots.few_shot import FewShotMixin, SupportFileMixin
from .shots.image_features import ImageFeatures
from .shots.rices import RICES
from .shots.shot_selection import ClassBalancedShots, ListedShots, RandomShots, ShotPool, ShotSelector
from .text import TextBlocks
from .video_captions import VATEX, FlamingoEvalVATEX
from .video_questions import (
    IVQA,
    MSRVTTQA,
    MSVDQA,
    STAR,
    FlamingoEvalIVQA,
    FlamingoEvalMSRVTTQA,
    FlamingoEvalMSVDQA,
    FlamingoEvalSTAR,
)
from .vqa import COCOVQA, FlamingoEvalCOCOVQA

__all__ = [
    'AOKVQA',
    'COCOCaption',
    'COCOVQA',
    'ClassBalancedShots',
    'EpochSampler',
    'FewShotMixin',
    'FlamingoDataset',
    'FlamingoEvalAOKVQA',
    'FlamingoEvalCOCOCaption',
    'FlamingoEvalCOCOVQA',
    'FlamingoEvalGQA',
    'FlamingoEvalHatefulMemes',
    'FlamingoEvalIVQA',
    'FlamingoEvalImageNet',
    'FlamingoEvalMSRVTTQA',
    'FlamingoEvalMSVDQA',
    'FlamingoEvalNExTQA',
    'FlamingoEvalNExTQAOpenEnded',
    'FlamingoEvalSTAR',
    'FlamingoEvalScienceQA',
    'FlamingoEvalTextVQA',
    'FlamingoEvalVATEX',
    'FlamingoEvalVizWiz',
    'GQA',
    'HatefulMemes',
    'IVQA',
    'ImageFeatures',
    'ImageNet',
    'InterleavedDataset',
    'LengthBatchSampler',
    'ListedShots',
    'MSRVTTQA',
    'MSVDQA',
    'NExTQA',
    'NExTQAOpenEnded',
    'QuestionFile',
    'QuestionSet',
    'RICES',
    'RandomShots',
    'STAR',
    'ScienceQA',
    'ShotPool',
    'ShotSelector',
    'ShuffledPictures',
    'SupportFileMixin',
    'TextBlocks',
    'TextVQA',
    'VATEX',
    'VizWiz',
    'transforms',
]
