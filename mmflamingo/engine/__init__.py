"""What the runner needs and mmengine lacks; importing it makes checkpoint loading safe."""

from .hooks import BadImageHook, ExportPretrainedHook, VisualizationHook
from .loading.safe import read_checkpoint
from .optim import AmpOptimWrapper, Bf16OptimWrapper, OptimWrapper
from .runner import FlamingoRunner
from .testing.loop import TestLoop

__all__ = [
    'AmpOptimWrapper',
    'BadImageHook',
    'Bf16OptimWrapper',
    'ExportPretrainedHook',
    'FlamingoRunner',
    'OptimWrapper',
    'TestLoop',
    'VisualizationHook',
    'read_checkpoint',
]
