"""Draws predictions of a test run, one picture a sample."""

import re
from itertools import islice
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.files import check_output, plain_reason
from mmflamingo.paths import below
from mmflamingo.registry import HOOKS

from ..testing.predictions import FILE_NAME, read_records

LONGEST_NAME = 100  # characters of an id in a file's name


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Writes a PNG for each of the first samples when a test has ended and its scores are known.

    It draws lines of the prediction file, by the `draw_prediction` of the run's visualizer. A sample that can't be drawn
    costs its picture and nothing else.

    Args:
        out_dir: Folder of the pictures; without one nothing is drawn.
        max_samples: Number of samples to draw, in the order of the dataset.

    Raises:
        ValueError: Before a test: the visualizer can't draw predictions, or nothing can be written into the folder.
    """

    priority = 'LOW'  # after the prediction file is there

    def __init__(self, out_dir: str | None = None, max_samples: int = 50) -> None:
        self.out_dir = out_dir and below(None, out_dir)
        self.max_samples = max_samples

    def before_test(self, runner: Runner) -> None:
        if not self.out_dir:
            return
        if not hasattr(runner.visualizer, 'draw_prediction'):
            raise ValueError(
                f"visualizer.type is '{type(runner.visualizer).__name__}', which can't draw "
                "predictions: set it to 'FlamingoVisualizer', or leave out --show-dir."
            )
        check_output(Path(self.out_dir) / _file_name(0, ''))

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if not self.out_dir:
            return
        try:
            self._draw(runner)
        except Exception as error:  # the results are there, and must not look like those of a broken run
            runner.logger.warning(f'No more pictures are drawn into {self.out_dir}: {plain_reason(error)}')

    def _draw(self, runner: Runner) -> None:
        failures = {}
        records = islice(read_records(Path(runner.log_dir) / FILE_NAME), self.max_samples)
        for number, record in enumerate(records):
            try:
                drawn = runner.visualizer.draw_prediction(record)
            except Exception as error:  # whatever a record holds
                failures[record['sample_id']] = plain_reason(error)
                continue
            drawn.save(Path(self.out_dir) / _file_name(number, record['sample_id']))
        total = len(runner.test_dataloader.dataset)
        runner.logger.info(
            f'Pictures of the first {min(self.max_samples, total)} of {total} samples are in '
            f'{self.out_dir} (default_hooks.visualization.max_samples sets how many).'
        )
        for sample_id, reason in islice(failures.items(), 1):
            runner.logger.warning(f'{len(failures)} of them could not be drawn, the first is {sample_id!r}: {reason}')


def _file_name(number: int, sample_id: int | str) -> str:
    """A name that every file system takes."""
    return f'{number:04}_{re.sub(r"[^A-Za-z0-9_.-]", "_", str(sample_id))[:LONGEST_NAME]}.png'
