"""Hooks: what happens around the steps of a run."""

from .bad_image_hook import BadImageHook
from .checkpoint_hook import CheckpointHook
from .dropped_shots_hook import DroppedShotsHook
from .export_pretrained_hook import ExportPretrainedHook
from .visualization_hook import VisualizationHook

__all__ = ['BadImageHook', 'CheckpointHook', 'DroppedShotsHook', 'ExportPretrainedHook', 'VisualizationHook']
