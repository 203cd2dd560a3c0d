"""The runner: mmengine's, with strict checkpoints and processes on CPUs."""

import logging
import re
from contextlib import ExitStack, nullcontext

import torch
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn
from torch.utils.data import DataLoader
from transformers.initialization import no_init_weights

from mmflamingo.models.checkpoints.fit import describe_keys, describe_misfits, fits, keys_without_source
from mmflamingo.models.precision import DTYPES, cast_weights
from mmflamingo.registry import METRICS, RUNNERS, registered

from .config.loaders import workable
from .errors import CheckpointError, ConfigError, building_a_model
from .failures import explained, logged, quiet_terminal
from .launch import group_timeout, init_gloo, on_main_rank
from .loading.account import describe_sources
from .loading.fit import check_values, load_state_dict_strictly, state_dict_for
from .placement import describe_places, is_to_be_placed, place
from .testing.work_dir import make_run_folder, unfinished_run
from .training.runner import TrainingRunner


@RUNNERS.register_module()
class FlamingoRunner(TrainingRunner):
    """mmengine's Runner where a checkpoint fits or nothing runs, and where processes need no GPU.

    - A checkpoint with missing, unexpected or reshaped keys is an error that lists them by group.
      Parts of the model named by `model.loaded_prefixes()` have weights of their own and may be
      absent from it, and the checkpoint that a training starts from needn't have the config's `fresh_parameters`.
    - A model with `device_map` is placed by it once it has its weights.
    - A test with parameters that come from nowhere is an error, unless the config says
      `allow_random_weights = True`.
    - Only one test and one training at a time go into a work dir, and each run has a folder of its own there.
    - A training starts from `load_from` where `resume` finds nothing to resume, and never with frozen parameters that are
      random (see `training`).
    - `launcher='pytorch'` without a GPU uses gloo. A model without trainable parameters is not
      wrapped.
    - `dtype` names the dtype of all weights and activations in a test.
    - `compile` compiles the parts of a model that gain, see `Flamingo.compile`, in training and in tests.
    - The terminal shows what a user waits for; environment, config and hooks, and the traceback of
      a run that broke off, are in the log file only.
    """

    def __init__(self, *args, **kwargs) -> None:
        with ExitStack() as self._setup:
            super().__init__(*args, **kwargs)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):  # whatever the locale, and for file names that are not UTF-8
                handler.stream.reconfigure(encoding='utf-8', errors='backslashreplace')
        self._setup.enter_context(quiet_terminal(logger, logging.WARNING))
        return logger

    def setup_env(self, env_cfg: dict) -> None:
        timeout = group_timeout(env_cfg)
        if self.distributed and not is_distributed() and not torch.cuda.is_available():
            init_gloo(self.launcher, timeout)
        super().setup_env(env_cfg)
        self._timestamp = on_main_rank(self._enter_work_dir)

    def _enter_work_dir(self) -> str:
        """Claim the work dir for what this runner does; the name of its folder, an unfinished run's if it resumes one."""
        resumes_test = self._test_loop is not None and self._test_loop.get('resume')
        if self._test_loop is not None and (self._train_loop is None or resumes_test):
            self._claim('test')
        elif self._test_loop is None and self._train_loop is not None:
            self._claim('train')
        unfinished = unfinished_run(self.work_dir) if resumes_test else None
        return unfinished or make_run_folder(self.work_dir, self.timestamp)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        return super().build_test_loop(loop if isinstance(loop, BaseLoop) else {'type': 'TestLoop', **loop})

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        loader = workable(dataloader) if isinstance(dataloader, dict) else dataloader
        return TrainingRunner.build_dataloader(loader, *args, **kwargs)

    def build_evaluator(self, evaluator: Evaluator | dict | list) -> Evaluator:
        """Build an evaluator of metrics; mmengine takes a metric with an argument `metrics` for an evaluator."""
        kind = evaluator.get('type') if isinstance(evaluator, dict) else None
        kind = registered(METRICS, kind) if isinstance(kind, str) else kind
        is_metric = isinstance(kind, type) and issubclass(kind, BaseMetric)
        return super().build_evaluator([evaluator] if is_metric else evaluator)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        self._build_loaders()
        with building_a_model(), no_init_weights() if self._brings_weights() else nullcontext():
            return super().build_model(model)

    def _build_loaders(self) -> None:
        """Read all annotations before the model is loaded: what is wrong in them is said at once."""
        for name in ('_train_dataloader', '_val_dataloader', '_test_dataloader'):
            loader = getattr(self, name)
            if isinstance(loader, dict):
                rank_seeds = self._randomness_cfg.get('diff_rank_seed', False)
                setattr(self, name, self.build_dataloader(loader, seed=self.seed, diff_rank_seed=rank_seeds))

    @property
    def _dtype(self) -> torch.dtype | None:
        """What a test computes in, where the config's `dtype` names another than its model's own."""
        return DTYPES[self.cfg.dtype] if self.cfg.get('dtype') else None

    def _brings_weights(self) -> bool:
        """Whether a checkpoint brings all weights, so that those a model is built with are never used."""
        return self._train_loop is None and self._load_from is not None

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        if is_to_be_placed(model):
            if self._train_loop is not None or self.distributed or self.cfg.get('compile'):
                raise ConfigError('model.device_map is for tests in one process without `compile`: set it to None.')
            return model
        if not self.distributed or is_model_wrapper(model):
            return super().wrap_model(model_wrapper_cfg, model)
        if self._train_loop is None or not any(p.requires_grad for p in model.parameters()):
            return model.to(get_device())
        if model_wrapper_cfg is None and not torch.cuda.is_available():
            model_wrapper_cfg = dict(
                type='MMDistributedDataParallel',
                device_ids=None,
                broadcast_buffers=False,
                find_unused_parameters=self.cfg.get('find_unused_parameters', False),
            )
        return super().wrap_model(model_wrapper_cfg, model)

    def val(self) -> dict:
        with logged(self.logger), explained():
            return super().val()

    def test(self) -> dict:
        with logged(self.logger), explained():
            trained_here = isinstance(self._train_loop, BaseLoop)
            if self._load_from is None and not self._has_loaded and not trained_here:
                self._check_sources()
            self._maybe_compile('test_step')
            return super().test()

    def _maybe_compile(self, target: str) -> None:
        """Compile the model in place if the config says `compile = True` or gives arguments of torch.compile.

        Raises:
            ConfigError: torch.compile doesn't know them.
        """
        options = self.cfg.get('compile')
        if options is None or options is False:
            return
        model = self._bare_model
        try:
            model.compile(**({} if options is True else options))
        except (TypeError, RuntimeError) as error:
            raise ConfigError(f'torch.compile does not take compile = {options!r}: {error}') from error
        self.logger.info(
            'The model is compiled when it first runs, and again for sizes of another kind: this takes a while.'
        )

    def load_or_resume(self) -> None:
        """Load the weights that the run starts from; then the model may do what has to wait for them."""
        super().load_or_resume()
        model = self._bare_model
        if self._dtype:
            cast_weights(model, self._dtype)
        if account := hasattr(model, 'after_loading') and model.after_loading():
            self.logger.info(account)
        if is_to_be_placed(model):
            place(model, **model.placement)
            self.logger.info(f'Placed by device_map:\n{describe_places(model)}')
        self._prepare_sets()

    def load_checkpoint(
        self,
        filename: str,
        map_location: object = 'cpu',
        strict: bool = True,
        revise_keys: list[tuple[str, str]] | None = None,
    ) -> dict:
        """Load a checkpoint that fits the model, or raise.

        Args:
            filename: Path or URL of a checkpoint, see `state_dict_for`.
            map_location: As in `torch.load`.
            strict: False loads the keys that fit, and logs the others as a warning.
            revise_keys: Pairs of a pattern and what to put in its place in each key.

        Returns:
            The checkpoint as read.

        Raises:
            CheckpointError: It can't be read or doesn't fit.
        """
        model = self._bare_model
        if hasattr(model, 'hf_device_map'):
            raise CheckpointError(
                'The model is placed by model.device_map already: build a new runner to load a checkpoint.'
            )
        checkpoint = CheckpointLoader.load_checkpoint(filename, map_location, self.logger)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        if self._resumes:
            self._look_at_meta(checkpoint['meta'])
        state_dict = state_dict_for(model, checkpoint, filename)
        for pattern, replacement in revise_keys or []:
            state_dict = {re.sub(pattern, replacement, k): v for k, v in state_dict.items()}
        if strict:
            state = self._with_fresh(model, state_dict)
            load_state_dict_strictly(model, state, filename, assign=self._train_loop is None, dtype=self._dtype)
        else:
            self._load_what_fits(model, state_dict, filename)
        self._has_loaded = True
        self._loaded_keys = state_dict.keys()
        self.logger.info(f'Parameters by source:\n{describe_sources(model, state_dict, filename)}')
        return checkpoint

    def _with_fresh(self, model: nn.Module, state_dict: dict) -> dict:
        """The state dict with those of `fresh_parameters` that it lacks, as the model was built with them.

        Raises:
            CheckpointError: The model has no parameter of such a name.
        """
        fresh = self.cfg.get('fresh_parameters', ()) if self._trains and not self._resumes else ()
        own = model.state_dict()
        unknown = [name for name in fresh if name not in own]
        if unknown:
            raise CheckpointError(
                f'fresh_parameters names {unknown}, which the {type(model).__name__} of the config does not have.'
            )
        return {name: own[name] for name in fresh} | state_dict

    def _load_what_fits(self, model: nn.Module, state_dict: dict, filename: str) -> None:
        misfits = describe_misfits(model, state_dict)
        if misfits and self._brings_weights():
            raise CheckpointError(
                f'{filename} fits only in part, and this model was built without weights, as load_from is to bring all:\n'
                f'{misfits}\nBuild the runner without load_from to load a part.'
            )
        if misfits:
            self.logger.log(logging.WARNING, f'{filename} fits only in part:\n{misfits}')
        wanted = model.state_dict()
        check_values(model, state_dict, filename)
        fitting = {k: v for k, v in state_dict.items() if fits(v, wanted.get(k))}
        model.load_state_dict(fitting, strict=False)

    def _check_sources(self) -> None:
        model = self._bare_model
        keys = keys_without_source(model)
        if keys and not self.cfg.get('allow_random_weights', False):
            raise CheckpointError(
                'No checkpoint is given, so these parameters of the model would be random:\n'
                f'{describe_keys(keys)}\n'
                'Give a checkpoint, or set allow_random_weights = True in the config.'
            )
