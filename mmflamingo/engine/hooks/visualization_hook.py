"""Draws predictions of a test run, one picture a sample."""

import re
from itertools import islice
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..testing.predictions import FILE_NAME, read_records


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Writes a PNG for each of the first samples when a test has ended and its scores are known.

    It draws what PredictionHook wrote, by the `draw_prediction` of the run's visualizer.

    Args:
        out_dir: Folder of the pictures; without one nothing is drawn.
        max_samples: Number of samples to draw, in the order of the dataset.
    """

    priority = 'LOW'  # after the prediction file is there

    def __init__(self, out_dir: str | None = None, max_samples: int = 50) -> None:
        self.out_dir = out_dir
        self.max_samples = max_samples

    def before_test(self, runner: Runner) -> None:
        if self.out_dir and not hasattr(runner.visualizer, 'draw_prediction'):
            raise ValueError(
                f"visualizer.type is '{type(runner.visualizer).__name__}', which can't draw "
                "predictions: set it to 'FlamingoVisualizer', or leave out --show-dir."
            )

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if not self.out_dir:
            return
        folder = Path(self.out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        predictions = Path(runner.log_dir) / FILE_NAME
        for number, record in enumerate(islice(read_records(predictions), self.max_samples)):
            name = re.sub(r'[^\w.-]', '_', str(record['sample_id']))
            runner.visualizer.draw_prediction(record).save(folder / f'{number:04}_{name}.png')
        total = len(runner.test_dataloader.dataset)
        runner.logger.info(
            f'Pictures of the first {min(self.max_samples, total)} of {total} samples are in '
            f'{folder} (default_hooks.visualization.max_samples sets how many).'
        )
