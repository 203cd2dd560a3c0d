"""The runner of trainings: mmengine's, where a training starts, breaks off and resumes as its user expects."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mmengine.dist import master_only
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from ..errors import CheckpointError
from ..failures import explained, logged
from ..launch import on_main_rank
from ..preparation import prepare_training, prepare_validation
from ..testing.work_dir import claim
from ..workers import watched
from .finite import check_finite
from .parameters import check_frozen, describe_training
from .saving import writing
from .settings import KEY as SETTINGS
from .settings import changed_settings, describe_settings
from .start import Start, choose_start, find_newest, last_checkpoint


class TrainingRunner(Runner):
    """mmengine's Runner for trainings that share no folder, start from what the config says, and lose no checkpoint."""

    def __init__(self, *args, **kwargs) -> None:
        self._claims: dict[str, TextIO] = {}
        self._loaded_keys: Collection[str] = ()  # of the checkpoint
        self._resumes = False
        super().__init__(*args, **kwargs)

    @property
    def _bare_model(self) -> nn.Module:
        """The model without a wrapper for several processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    @property
    def _trains(self) -> bool:
        """Whether a training is under way, and not only described by the config."""
        return isinstance(self._train_loop, BaseLoop)

    def _claim(self, purpose: str) -> None:
        if purpose not in self._claims:
            self._claims[purpose] = claim(self.work_dir, purpose)

    def train(self) -> nn.Module:
        on_main_rank(lambda: self._claim('train'))
        with logged(self.logger), explained(), self._account_of_a_break():
            return super().train()

    @contextmanager
    def _account_of_a_break(self) -> Iterator[None]:
        """Say where a training can be continued when it breaks off, also by Ctrl-C."""
        try:
            yield
        except BaseException:
            if self._trains:
                last = last_checkpoint(Path(self.work_dir))
                rest = f'--resume continues from {last}.' if last else 'No checkpoint is written yet.'
                self.logger.warning(f'The training broke off at iteration {self.iter} of {self.max_iters}. {rest}')
            raise

    def load_or_resume(self) -> None:
        """Load the weights that the run starts from."""
        if self._has_loaded:
            return
        start = on_main_rank(self._choose_start)
        for warning in start.warnings:
            self.logger.warning(warning)
        if start.resumes:
            self.resume(start.path)
        elif start.path is not None:
            self.load_checkpoint(start.path)
        if self._trains:
            if not self.cfg.get('allow_random_weights', False):
                check_frozen(self._bare_model, self._loaded_keys)
            self.logger.info(describe_training(self._bare_model))

    def _prepare_sets(self) -> None:
        """What sets need of the model, once it has its weights; a test loop prepares its own."""
        model = self._bare_model
        was_training = model.training
        model.eval()
        if self._trains:
            prepare_training(model, self._train_loop.dataloader)
        if isinstance(self._val_loop, BaseLoop):
            prepare_validation(model, self._val_loop.dataloader, self._val_loop.evaluator.metrics)
        model.train(was_training)

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """Build a data loader as mmengine does; workers that give no batch within its `timeout` end the run."""
        loader = watched(dataloader) if isinstance(dataloader, dict) else dataloader
        return Runner.build_dataloader(loader, *args, **kwargs)

    def _choose_start(self) -> Start:
        work_dir = Path(self.work_dir)
        if self._trains:
            loop = self._train_loop
            return choose_start(self._resume, self._load_from, work_dir, lambda meta: meta['iter'] >= loop.max_iters)
        newest = find_newest(work_dir) if self._resume and self._load_from is None else None
        return Start(newest.path if newest else self._load_from, resumes=False)

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Continue the training of a checkpoint.

        Raises:
            CheckpointError: It can't be read, or its training doesn't fit this one.
        """
        self._resumes = True
        schedulers = self.param_schedulers if isinstance(self.param_schedulers, list) else []
        ends = [getattr(scheduler, 'end', None) for scheduler in schedulers]
        needed = [set(group) for group in self.optim_wrapper.param_groups]
        try:
            super().resume(filename, *args, **kwargs)
            for group, keys in zip(self.optim_wrapper.param_groups, needed, strict=True):
                if keys - group.keys():
                    raise ValueError(f'it is of another optimizer, without {sorted(keys - group.keys())}')
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f'{filename} holds a training that does not fit this config: {error}. Resume it with the config it was '
                'trained with, or set load_from to it to start from its weights alone.'
            ) from error
        finally:
            self._resumes = False
        for scheduler, end in zip(schedulers, ends, strict=True):
            scheduler.end = end  # of this training, which may be longer than the checkpoint's
        if self.iter >= self.max_iters:
            self.logger.warning(
                f'{filename} is at iteration {self.iter} of {self.max_iters}: nothing is left to train.'
            )

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args, meta: dict | None = None, **kwargs) -> None:
        """Write a checkpoint, as mmengine does, that is there as a whole or not at all.

        Raises:
            RunError: The model has values that aren't finite.
            OSError: It can't be written.
        """
        check_finite(self._bare_model)
        meta = {**(meta or {}), SETTINGS: describe_settings(self.cfg, self.world_size)}
        if not isinstance(get_file_backend(out_dir, backend_args=kwargs.get('backend_args')), LocalBackend):
            return super().save_checkpoint(out_dir, filename, *args, meta=meta, **kwargs)
        with writing(Path(out_dir, filename)) as draft:
            super().save_checkpoint(str(draft.parent), draft.name, *args, meta=meta, **kwargs)

    def _look_at_meta(self, meta: dict) -> None:
        """Warn of settings that are others than those a resumed checkpoint was trained with."""
        meta.pop('config', None)  # mmengine would run it as Python code
        if changes := changed_settings(meta, describe_settings(self.cfg, self.world_size)):
            self.logger.warning(changes)
