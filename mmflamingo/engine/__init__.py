"""What the runner needs and mmengine lacks; importing it makes checkpoint loading safe."""

from .hooks import BadImageHook, ExportPretrainedHook, VisualizationHook
from .optim import Bf16OptimWrapper
from .runner import FlamingoRunner
from .safe_loading import read_checkpoint
from .test_loop import TestLoop

__all__ = [
    'BadImageHook',
    'Bf16OptimWrapper',
    'ExportPretrainedHook',
    'FlamingoRunner',
    'TestLoop',
    'VisualizationHook',
    'read_checkpoint',
]
