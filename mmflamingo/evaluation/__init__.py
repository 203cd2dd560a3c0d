"""Metrics as the official scripts of each benchmark compute them, with a score for every sample."""

from .answer_match import AnswerMatch
from .choices import ROCAUC, ChoiceAccuracy, NExTQAAccuracy
from .coco_caption import COCOCaption
from .report_vqa import ReportVQA
from .vqa_accuracy import VQAAcc
from .wups import WUPS

__all__ = ['ROCAUC', 'WUPS', 'AnswerMatch', 'COCOCaption', 'ChoiceAccuracy', 'NExTQAAccuracy', 'ReportVQA', 'VQAAcc']
