"""What ends a run is said in words, and nothing hangs (R13, R14, R21)."""

import multiprocessing
import os
import signal
import time

import pytest
import toy_parts
from torch.distributed import DistNetworkError

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.failures import explained


@pytest.mark.parametrize(
    ('message', 'expected'),
    [
        (
            "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
            'shared memory. Please try to raise your shared memory limit.',
            'no room in shared memory .*docker run --shm-size',
        ),
        ('unable to allocate shared memory(shm) for file </torch_1_2>: Success (0)', 'docker run --shm-size'),
        ('unable to write to file </torch_1_2>: No space left on device (28)', 'docker run --shm-size'),
        ('DataLoader worker (pid 7) is killed by signal: Killed. ', 'worker of the data loader was killed.*memory'),
        ('DataLoader worker (pid(s) 7, 8) exited unexpectedly', 'worker of the data loader was killed'),
        ('DataLoader timed out after 600 seconds', 'no batch within its timeout.*--shm-size.*raise the timeout'),
        (
            '[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:525] Connection closed by peer [1.2.3.4]:5',
            'Another rank',
        ),
        ('Timed out waiting 1800000ms for recv operation to complete', 'Another rank .*dist_cfg.timeout'),
        (DistNetworkError('broken'), 'Another rank'),
    ],
)
def test_meanings(message, expected):
    error = message if isinstance(message, Exception) else RuntimeError(message)
    with pytest.raises(RunError, match=expected) as caught, explained():
        raise error
    assert caught.value.__cause__ is error and str(error).splitlines()[0].strip() in str(caught.value)


@pytest.mark.parametrize(
    'message',
    [
        'mat1 and mat2 shapes cannot be multiplied',
        'Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback: DataLoader worker (pid 3) is killed',
    ],
)
def test_other_errors_stay_what_they_are(message):
    with pytest.raises(RuntimeError, match=message[:20]), explained():
        raise RuntimeError(message)


@pytest.mark.parametrize(
    ('fate', 'said'),
    [
        pytest.param(lambda: os.kill(os.getpid(), signal.SIGKILL), 'was killed', id='killed'),
        pytest.param(lambda: os._exit(3), 'was killed', id='gone'),
        pytest.param(
            *(lambda: os.kill(os.getpid(), signal.SIGSTOP), 'no batch within its timeout'),
            id='stopped',
            marks=pytest.mark.slow,
        ),
        pytest.param(lambda: time.sleep(600), 'no batch within its timeout', id='hanging', marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize('run', ['test', 'train'])
def test_a_worker_that_gives_nothing(toy_cfg, build_runner, monkeypatch, fate, said, run):
    """Predictions that were made are kept, and no worker stays behind, which would keep the program from ending."""
    load = toy_parts.ToyDataset.__getitem__
    monkeypatch.setattr(
        toy_parts.ToyDataset, '__getitem__', lambda self, index: fate() if index == 8 else load(self, index)
    )
    toy_cfg[f'{run}_dataloader'].update(num_workers=1, timeout=2, sampler=dict(type='DefaultSampler', shuffle=False))
    runner = build_runner(toy_cfg)
    with pytest.raises(RunError, match=said):
        getattr(runner, run)()
    log = open(f'{runner.log_dir}/{runner.timestamp}.log').read()
    if run == 'test':
        assert 'of 13 predictions are kept' in log and '--resume continues' in log
    else:
        assert 'broke off at iteration' in log and ('No checkpoint' in log or '--resume continues from' in log)
    assert not multiprocessing.active_children()
