"""Leaves a trained part where the next stage of training looks for it."""

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmflamingo.files import check_output_folder, replacing_files
from mmflamingo.paths import below
from mmflamingo.registry import HOOKS

OLD_WEIGHTS = ('model*.safetensors', 'pytorch_model*.bin', '*.index.json')  # transformers would read them first


@HOOKS.register_module()
class ExportPretrainedHook(Hook):
    """Calls the model's `save_pretrained(folder)` when training has ended; files take their places as a whole.

    Args:
        out_dir: Folder to write; weights that it had before are replaced.

    Raises:
        ValueError: It cannot be written, which is found out before the training.
    """

    priority = 'VERY_LOW'

    def __init__(self, out_dir: str) -> None:
        self.out_dir = below(None, out_dir)

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Check that the folder can be written."""
        check_output_folder(self.out_dir)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write the folder."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        with replacing_files(self.out_dir, OLD_WEIGHTS) as draft:
            model.save_pretrained(str(draft))
        runner.logger.info(f'The trained part is in {self.out_dir}.')
