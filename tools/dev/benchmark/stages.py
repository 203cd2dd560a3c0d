"""Where the time of a test goes."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps

import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from torch import nn
from torch.profiler import ProfilerActivity, profile

from mmflamingo.datasets import FlamingoDataset
from mmflamingo.models import Flamingo

from .ours import Turn

STAGES = (
    *('decode image', 'transform', 'normalise, tokenise', 'vision', 'resampler'),
    *('prefill', 'decode', 'cross-attention', 'search'),
)

# Operations of torch on a CPU that are matrix products or attention; none of them runs within another.
MATRIX_OPERATIONS = (
    'mm',
    'addmm',
    'bmm',
    'baddbmm',
    'mkldnn_convolution',
    '_scaled_dot_product_flash_attention_for_cpu',
)


class StageClock:
    """Seconds of each stage; a stage within another one counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = 0.0

    def enter(self, stage: str) -> None:
        """From now on this stage runs."""
        self._book()
        self._running.append(stage)

    def leave(self) -> None:
        """The stage that was entered last is over."""
        self._book()
        self._running.pop()

    def timed(self, stage: str, function: Callable) -> Callable:
        """The function, as this stage."""

        @wraps(function)
        def run(*args, **kwargs):
            self.enter(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return run

    def _book(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def matrix_share(run: Callable[[], Turn]) -> float:
    """Which part of a turn's seconds is spent in matrix products and attention, on a CPU."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        seconds = run().seconds
    names = {f'aten::{name}' for name in MATRIX_OPERATIONS}
    return sum(event.cpu_time_total for event in profiler.key_averages() if event.key in names) / 1e6 / seconds


@contextmanager
def watched(model: Flamingo, dataset: FlamingoDataset, clock: StageClock) -> Iterator[None]:
    """Has the parts of a model and of a dataset's pipeline tell the clock when they run."""
    adapter = model.language_model
    parts = {
        'normalise, tokenise': [model.data_preprocessor],
        'vision': [model.vision_backbone],
        'resampler': [model.resampler],
        'cross-attention': adapter.gated_cross_attn_layers.values(),
    }
    with ExitStack() as undo:
        for stage, modules in parts.items():
            for module in modules:
                _watch(module, clock, lambda stage=stage: stage, undo)
        _watch(adapter.lm, clock, lambda: 'prefill' if adapter.context.reads_prompt else 'decode', undo)
        _replace(model, 'test_step', clock, 'search', undo)  # what is left of it
        for step in _steps(dataset.pipeline):
            is_loading = type(step).__name__.startswith('Load')
            _replace(step, 'transform', clock, 'decode image' if is_loading else 'transform', undo)
        yield


def _watch(module: nn.Module, clock: StageClock, stage: Callable[[], str], undo: ExitStack) -> None:
    undo.callback(module.register_forward_pre_hook(lambda *_: clock.enter(stage())).remove)
    undo.callback(module.register_forward_hook(lambda *_: clock.leave()).remove)


def _replace(owner: object, name: str, clock: StageClock, stage: str, undo: ExitStack) -> None:
    setattr(owner, name, clock.timed(stage, getattr(owner, name)))
    undo.callback(delattr, owner, name)


def _steps(pipeline: Compose) -> Iterator[BaseTransform]:
    for step in pipeline.transforms:
        yield step
        if hasattr(step, 'transforms'):
            yield from _steps(step.transforms)
