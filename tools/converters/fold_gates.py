"""Opens the gates of a checkpoint without changing what the model computes.

    python tools/converters/fold_gates.py CHECKPOINT OUT [--gate 1.0]

A block adds tanh(gate) * W x. A gate that stayed nearly closed also slows the learning of the W after it; here the
gate becomes `--gate`, and W takes up the difference. A training that goes on from OUT trains all blocks.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.loading.safe import read_state_dict
from mmflamingo.engine.loading.saving import check_checkpoint_output, save_checkpoint
from mmflamingo.models.checkpoints.fit import is_finite

PROJECTIONS = {'attn_gate': 'attn.to_out.weight', 'ff_gate': 'ff.3.weight'}


def fold_gates(state_dict: dict[str, Tensor], gate: float = 1.0) -> None:
    """Sets every gate to `gate` and rescales the projection after it, in place.

    Raises:
        ValueError: The gate would be closed, there are no gates, one lacks its projection, or a weight becomes too large.
    """
    if not 0 < abs(gate) < float('inf'):
        raise ValueError(f'--gate is {gate}: a block whose gate is closed adds nothing, choose another number than 0.')
    gates = [name for name in state_dict if name.rpartition('.')[2] in PROJECTIONS]
    if not gates:
        raise ValueError('The checkpoint has no gates (*.attn_gate, *.ff_gate).')
    for name in gates:
        block, _, last = name.rpartition('.')
        projection = state_dict.get(f'{block}.{PROJECTIONS[last]}')
        if projection is None:
            raise ValueError(f'The checkpoint has {name}, but not {block}.{PROJECTIONS[last]}.')
        old, new = state_dict[name].tanh(), torch.full_like(state_dict[name], gate)
        projection.mul_(old / new.tanh())
        state_dict[name].copy_(new)
        if not is_finite(projection):
            raise ValueError(f'{block}.{PROJECTIONS[last]} would be infinite or NaN: choose a larger --gate.')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('out', type=Path)
    parser.add_argument('--gate', type=float, default=1.0)
    args = parser.parse_args()
    with user_errors():
        check_checkpoint_output(args.out, args.checkpoint)
        state_dict = read_state_dict(args.checkpoint)
        fold_gates(state_dict, args.gate)
        save_checkpoint({'state_dict': state_dict}, args.out)


if __name__ == '__main__':
    main()
