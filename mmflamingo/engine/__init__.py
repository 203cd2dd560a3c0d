"""What the runner needs and mmengine lacks; importing it makes checkpoint loading safe."""

from .hooks import BadImageHook, ExportPretrainedHook, VisualizationHook
from .loading.safe import read_checkpoint
from .optim import Bf16OptimWrapper
from .runner import FlamingoRunner
from .testing.loop import TestLoop

__all__ = [
    'BadImageHook',
    'Bf16OptimWrapper',
    'ExportPretrainedHook',
    'FlamingoRunner',
    'TestLoop',
    'VisualizationHook',
    'read_checkpoint',
]
