"""Reports how many shots did not fit into the context of the language model."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..testing.predictions import FILE_NAME, read_records


@HOOKS.register_module()
class DroppedShotsHook(Hook):
    """Counts the shots that a test left out because prompts were too long.

    A prediction has their number under `dropped_shots`. The sum is added to the metrics under the same name.
    """

    priority = 'HIGHEST'  # before the metrics are logged

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        records = read_records(Path(runner.log_dir) / FILE_NAME)
        dropped = [record['dropped_shots'] for record in records if record.get('dropped_shots')]
        if dropped:
            metrics['dropped_shots'] = sum(dropped)
            runner.logger.warning(
                f'{len(dropped)} prompts were too long for the language model: {sum(dropped)} shots were left out, up to '
                f'{max(dropped)} of a prompt. The score is not one of num_shots shots.'
            )
