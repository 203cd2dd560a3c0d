import os
from datetime import timedelta

import pytest
import torch.distributed as dist

from mmflamingo.engine import launch
from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.signals import Ended


@pytest.fixture
def env(monkeypatch):
    """An environment without a launcher's variables; what is set is forgotten afterwards."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(('SLURM', 'OMPI', 'MASTER'))}
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        kept.pop(name, None)
    monkeypatch.setattr(os, 'environ', kept)
    joined = []
    monkeypatch.setattr(launch.dist, 'init_process_group', joined.append)
    yield kept
    assert joined in ([], ['gloo'])


def test_slurm(env):
    env |= {'SLURM_PROCID': '3', 'SLURM_NTASKS': '4', 'SLURM_LOCALID': '1', 'MASTER_ADDR': 'a'}
    launch.init_gloo('slurm')
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')
    assert [env[name] for name in names] == ['3', '4', '1', 'a', '29500']


def test_mpi(env):
    env |= {'OMPI_COMM_WORLD_RANK': '0', 'OMPI_COMM_WORLD_SIZE': '2'}
    env |= {'OMPI_COMM_WORLD_LOCAL_RANK': '0'}
    launch.init_gloo('mpi')
    assert (env['RANK'], env['WORLD_SIZE'], env['MASTER_ADDR']) == ('0', '2', '127.0.0.1')


@pytest.mark.parametrize(
    ('launcher', 'variable', 'starter'),
    [
        ('pytorch', 'RANK', 'dist_test.sh'),
        ('slurm', 'SLURM_PROCID', 'slurm_test.sh'),
        ('mpi', 'OMPI_COMM_WORLD_RANK', 'mpirun'),
    ],
)
def test_launcher_that_did_not_launch(env, launcher, variable, starter):
    with pytest.raises(ValueError, match=f"'{variable}' is not set.*{starter}"):
        launch.init_gloo(launcher)


@pytest.mark.parametrize('timeout', [None, 5, 0.5])
def test_ranks_wait_as_long_as_the_config_says(env, monkeypatch, timeout):
    """R14: without a GPU it was always 30 minutes."""
    env |= {'RANK': '0', 'WORLD_SIZE': '1', 'LOCAL_RANK': '0', 'MASTER_ADDR': 'a'}
    given = {}
    monkeypatch.setattr(launch.dist, 'init_process_group', lambda backend, **settings: given.update(settings))
    launch.init_gloo('pytorch', launch.group_timeout({'dist_cfg': {'backend': 'nccl', 'timeout': timeout}}))
    assert given == ({} if timeout is None else {'timeout': timedelta(seconds=timeout)})


@pytest.mark.parametrize('timeout', ['1800', 0, -1, True, float('inf'), float('nan')])
def test_a_timeout_that_is_none(timeout):
    with pytest.raises(ConfigError, match='env_cfg.dist_cfg.timeout is .*seconds'):
        launch.group_timeout({'dist_cfg': {'timeout': timeout}})


def test_ctrl_c_on_the_main_rank_reaches_all(monkeypatch):
    """Else the other ranks would wait for its outcome."""
    sent = []
    monkeypatch.setattr(launch, 'broadcast_object_list', lambda outcome: sent.append(list(outcome)))

    def interrupt():
        raise Ended(15)

    with pytest.raises(Ended):
        launch.on_main_rank(interrupt)
    assert sent[0][1].number == 15


def test_unknown_launcher(env):
    with pytest.raises(ValueError, match='allowed: none, pytorch, slurm, mpi'):
        launch.init_gloo('mpich')


def test_leaving_the_group(tmp_path):
    launch.leave_group()  # there is none
    dist.init_process_group('gloo', init_method=f'file://{tmp_path / "store"}', rank=0, world_size=1)
    launch.leave_group()
    assert not dist.is_initialized()
