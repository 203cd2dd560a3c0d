"""Leaves a trained part where the next stage of training looks for it."""

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmflamingo.paths import below
from mmflamingo.registry import HOOKS


@HOOKS.register_module()
class ExportPretrainedHook(Hook):
    """Calls the model's `save_pretrained(out_dir)` when training has ended.

    Args:
        out_dir: Folder to write.
    """

    priority = 'VERY_LOW'

    def __init__(self, out_dir: str) -> None:
        self.out_dir = below(None, out_dir)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write the folder."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.save_pretrained(self.out_dir)
        runner.logger.info(f'The trained part is in {self.out_dir}.')
