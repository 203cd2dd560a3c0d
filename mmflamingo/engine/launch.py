"""Several processes: starting them without a GPU, which mmengine leaves to CUDA, and what rank 0 does for all."""

import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from math import inf
from typing import TypeVar

import torch.distributed as dist
from mmengine.dist import broadcast_object_list, is_main_process

from .errors import ConfigError

T = TypeVar('T')

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
DEFAULT_PORT = '29500'


def init_gloo(launcher: str, timeout: float | None = None) -> None:
    """Join the process group on CPUs.

    Args:
        launcher: Who started the processes; its environment variables say which of them this is.
        timeout: Seconds that a rank waits for the others before it gives up; torch's 30 minutes by default.

    Raises:
        ValueError: The launcher is unknown, or its environment variables are not set.
    """
    if launcher not in LAUNCHERS[1:]:
        raise ValueError(f'launcher is {launcher!r}, allowed: {", ".join(LAUNCHERS)}.')
    try:
        _set_torch_variables(launcher)
    except KeyError as error:
        raise ValueError(
            f'--launcher {launcher}, but the environment variable {error} is not set: start the '
            f'tool by {_starter(launcher)}, or leave out --launcher.'
        ) from error
    dist.init_process_group('gloo', **({} if timeout is None else {'timeout': timedelta(seconds=timeout)}))


def group_timeout(env_cfg: Mapping) -> float | None:
    """The seconds that ranks wait for each other, as `env_cfg.dist_cfg.timeout` says; None if it says nothing.

    Raises:
        ConfigError: It isn't a number of seconds.
    """
    timeout = (env_cfg.get('dist_cfg') or {}).get('timeout')
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and 0 < timeout < inf):
        raise ConfigError(
            f'env_cfg.dist_cfg.timeout is {timeout!r}: give the seconds that ranks wait for each other, above 0.'
        )
    return timeout


def _starter(launcher: str) -> str:
    return {
        'pytorch': 'tools/dist_test.sh or tools/dist_train.sh',
        'slurm': 'tools/slurm_test.sh',
        'mpi': 'mpirun',
    }[launcher]


def _set_torch_variables(launcher: str) -> None:
    """Translate the launcher's variables to the ones torch reads."""
    env = os.environ
    if launcher == 'slurm':
        env['RANK'], env['WORLD_SIZE'] = env['SLURM_PROCID'], env['SLURM_NTASKS']
        env['LOCAL_RANK'] = env.get('SLURM_LOCALID', '0')
        if 'MASTER_ADDR' not in env:
            hosts = subprocess.run(
                ['scontrol', 'show', 'hostnames', env['SLURM_NODELIST']],
                capture_output=True,
                text=True,
                check=True,
            )
            env['MASTER_ADDR'] = hosts.stdout.split()[0]
    elif launcher == 'mpi':
        env['RANK'], env['WORLD_SIZE'] = env['OMPI_COMM_WORLD_RANK'], env['OMPI_COMM_WORLD_SIZE']
        env['LOCAL_RANK'] = env['OMPI_COMM_WORLD_LOCAL_RANK']
        env.setdefault('MASTER_ADDR', '127.0.0.1')
    else:
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
            env[name]
    env.setdefault('MASTER_PORT', DEFAULT_PORT)


def local_world_size() -> int:
    """Number of this machine's processes in the run."""
    return int(os.environ.get('LOCAL_WORLD_SIZE') or os.environ.get('OMPI_COMM_WORLD_LOCAL_SIZE') or 1)


def leave_group() -> None:
    """Leave the process group, if there is one, when the work is done.

    A rank that ends with its group's threads alive may be aborted by the C++ runtime, and a good run then looks failed.
    """
    if dist.is_initialized():
        dist.destroy_process_group()


def on_main_rank(function: Callable[[], T]) -> T:
    """Call a function on rank 0 only; every rank gets its result, or its error, also where that is Ctrl-C."""
    outcome = [None, None]
    if is_main_process():
        try:
            outcome[0] = function()
        except BaseException as error:  # Ctrl-C too: the other ranks wait for the outcome
            outcome[1] = error
    broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]
