"""What tools/train.py and tools/test.py share: configs, checks, the runner, errors."""

import argparse
import io
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from mmflamingo.paths import below
from mmflamingo.registry import RUNNERS

from ..errors import ConfigError, MissingFilesError, UserError
from ..loading.cache import is_url
from ..signals import signals_end_as_ctrl_c
from .check import check_config
from .metafile import find_weights
from .options import parse_options
from .outputs import check_outputs
from .preflight import check_files
from .reading import load_config

DEBUG_VARIABLE = 'MMFLAMINGO_DEBUG'


@contextmanager
def user_errors(debug: bool = False) -> Iterator[None]:
    """End the program with one clear message where the user can mend what went wrong, or ended it by Ctrl-C or a signal.

    The exit status of a signal is 128 and its number. A package that is not installed is among it. The traceback is in the log file if a run had begun, and on the terminal
    with `debug` or the environment variable MMFLAMINGO_DEBUG. Errors of other kinds are bugs and keep their traceback.
    """
    show_any_text()
    try:
        with signals_end_as_ctrl_c():
            yield
    except KeyboardInterrupt as error:
        number = getattr(error, 'number', signal.SIGINT)
        with suppress(OSError):  # the terminal may be closed
            print(
                '\nInterrupted.' if number == signal.SIGINT else f'\nEnded by {signal.Signals(number).name}.',
                file=sys.stderr,
            )
        sys.exit(128 + number)
    except (UserError, OSError, KeyError, ValueError, ImportError) as error:
        if debug or os.environ.get(DEBUG_VARIABLE):
            raise
        before_the_run = isinstance(error, ConfigError | MissingFilesError)
        rank = os.environ.get('RANK', '0')
        if rank == '0' or not before_the_run:  # what comes before the run is the same on all ranks
            where = '' if os.environ.get('WORLD_SIZE', '1') == '1' else f' on rank {rank}'
            hint = '' if isinstance(error, UserError) else '\n(--debug shows the traceback.)'
            print(f'\nError{where}: {message_of(error)}{hint}', file=sys.stderr)
        sys.exit(2 if before_the_run else 1)


def show_any_text() -> None:
    """Have a terminal print the code of a character that it lacks, also of a file name that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def message_of(error: Exception) -> str:
    """The error's own sentence, also where a data loader's worker wrapped it in a traceback."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if 'Original Traceback' in text:
        raised = re.search(r'^[\w.]*(?:Error|Exception)\w*: (.*)', text, re.MULTILINE | re.DOTALL)
        text = raised.group(1).strip() if raised else text
    return text or type(error).__name__


def resolve_checkpoint(args: argparse.Namespace, cfg: Config) -> str | None:
    """The checkpoint of a test: as given, else the config's own, else what the metafile ships.

    None if there is none, or if the config allows random weights and no checkpoint is given.

    Raises:
        MissingFilesError: None is given, and the metafile names weights that don't ship with the
            repository.
    """
    if args.checkpoint or cfg.get('load_from'):
        return args.checkpoint or cfg.load_from
    if cfg.get('allow_random_weights', False):
        return None
    weights = find_weights(args.config)
    if weights and is_url(weights):
        raise MissingFilesError(
            f'No checkpoint is given. The one of {args.config} is {weights}: give this URL, or the '
            'path of a file downloaded from it, as CHECKPOINT.'
        )
    return weights


def keep_sections(cfg: Config, *modes: str) -> None:
    """Drop what other modes than these (`train`, `val`, `test`) need, so it need not be there."""
    for mode in {'train', 'val', 'test'} - set(modes):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{mode}_{part}', None)
    if 'train' not in modes:
        for key in ('optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
            cfg.pop(key, None)


def prepare_config(args: argparse.Namespace) -> Config:
    """The config of a run: file, command line options, work dir and launcher."""
    cfg = load_config(args.config, parse_options(args.cfg_options))
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    cfg.work_dir = below(None, cfg.work_dir)
    return cfg


def check(cfg: Config) -> None:
    """All checks before a run: mistakes of the config, folders that can't be written, and files that are missing."""
    check_config(cfg)
    check_outputs(cfg)
    check_files(cfg, cfg.get('load_from'))


def build_runner(cfg: Config) -> Runner:
    """The runner that the config's `runner_type` names; mmengine's if it names none."""
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def use_amp_for_training(cfg: Config) -> None:
    """Train in bfloat16 where the device can, else in float16 with a gradient scaler."""
    cfg.optim_wrapper.type = 'Bf16OptimWrapper' if _has_bfloat16() else 'AmpOptimWrapper'


def use_amp_for_testing(cfg: Config) -> None:
    """Test under autocast, in bfloat16 where the device can, else in float16."""
    if torch.cuda.is_available() and _has_bfloat16():
        torch.set_autocast_dtype('cuda', torch.bfloat16)
    cfg.test_cfg = ConfigDict(cfg.get('test_cfg') or {}, fp16=True)


def _has_bfloat16() -> bool:
    return not torch.cuda.is_available() or torch.cuda.is_bf16_supported()


def scale_learning_rate(cfg: Config) -> None:
    """Let the runner scale the learning rate linearly with the batch size."""
    if not (cfg.get('auto_scale_lr') or {}).get('base_batch_size'):
        raise ConfigError(
            '--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config: the '
            'batch size that its learning rate was chosen for.'
        )
    cfg.auto_scale_lr.enable = True
