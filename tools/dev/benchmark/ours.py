"""This project's side of the benchmark."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric

from mmflamingo.datasets import FlamingoDataset
from mmflamingo.models import Flamingo
from mmflamingo.registry import DATASETS, METRICS

from .memory import held_bytes, peak_bytes, reset_peak


@dataclass
class Turn:
    """One run of a test.

    Attributes:
        seconds: From the first image read to the last prediction.
        samples: Data samples with predictions, in the order of the dataset.
        peak_bytes: Most memory of the process, its libraries and the model included; on a GPU, what torch held there.
        working_bytes: How much of it was not held before the turn.
        progress: After each batch, the number of samples that are done and the seconds since the start.
    """

    seconds: float
    samples: list
    peak_bytes: int
    working_bytes: int
    progress: list[tuple[int, float]]

    @property
    def rate(self) -> float:
        """Samples a second."""
        return len(self.samples) / self.seconds

    @property
    def captions(self) -> list[str]:
        """What was predicted."""
        return [sample.get('pred_caption', sample.get('pred_answer')) for sample in self.samples]


def build_dataset(cfg: Config, shots: int, samples: int | None = None) -> FlamingoDataset:
    """The test set of a config with so many shots, as large as asked for."""
    settings = {**cfg.test_dataloader.dataset, 'num_shots': shots}
    if samples:
        settings['num_query_examples'] = samples
    if shots:
        settings['num_text_only_shots'] = 0
    return DATASETS.build(settings)


def build_metrics(cfg: Config) -> list[BaseMetric]:
    """The metrics of a config."""
    evaluator = cfg.test_evaluator
    return [METRICS.build(metric) for metric in (evaluator if isinstance(evaluator, list) else [evaluator])]


@torch.no_grad()
def run(
    model: Flamingo,
    dataset: FlamingoDataset,
    batch_size: int,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
    clock: Callable[[], float] = time.perf_counter,
) -> Turn:
    """Predicts a dataset in one process, from files to captions, with nothing encoded before."""
    model.media_cache.kept.clear()
    device = next(model.parameters()).device
    on_gpu = device.type == 'cuda'
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    reset_peak()
    before = torch.cuda.memory_allocated(device) if on_gpu else held_bytes()
    start = clock()
    samples, progress = [], []
    for first in range(0, len(dataset), batch_size):
        numbers = range(first, min(first + batch_size, len(dataset)))
        with autocast():
            samples += model.test_step(pseudo_collate([dataset[number] for number in numbers]))
        progress.append((len(samples), clock() - start))
    peak = torch.cuda.max_memory_allocated(device) if on_gpu else peak_bytes()
    return Turn(progress[-1][1], samples, peak, peak - before, progress)


def score(turn: Turn, metrics: list[BaseMetric]) -> dict[str, float]:
    """Scores of a turn's predictions."""
    scores = {}
    for metric in metrics:
        metric.process(None, [sample.to_dict() for sample in turn.samples])
        scores |= metric.evaluate(len(turn.samples))
    return scores
