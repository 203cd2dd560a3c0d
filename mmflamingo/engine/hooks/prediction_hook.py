"""Keeps every prediction of a test run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..predictions import (
    FILE_NAME,
    add_scores,
    merge_ranks,
    prediction_record,
    rank_path,
    to_line,
)


@HOOKS.register_module()
class PredictionHook(Hook):
    """Writes one JSON line a sample while a test runs, and adds the scores at its end.

    Each rank appends to `predictions.rank{r}.jsonl` in the run's log folder, flushed after every
    batch. When the metrics are there, rank 0 merges these files into `predictions.jsonl`, in the
    order of the dataset, each sample once and with its scores, and removes them. A run that breaks
    off leaves them.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        path = rank_path(runner.log_dir, runner.rank)
        self._file = path.open('w', encoding='utf-8')
        runner.logger.info(f'Predictions are written to {path} as they are made.')

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        for sample in outputs:
            self._file.write(to_line(prediction_record(sample.to_dict())))
        self._file.flush()

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._file.close()
        barrier()  # until all ranks have closed theirs
        if not is_main_process():
            return
        records = merge_ranks(runner.log_dir, runner.world_size)
        add_scores(records, runner.test_evaluator.metrics)
        path = Path(runner.log_dir) / FILE_NAME
        path.write_text(''.join(map(to_line, records)), encoding='utf-8')
        for rank in range(runner.world_size):
            rank_path(runner.log_dir, rank).unlink()
