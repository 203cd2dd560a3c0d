"""Opens the gates of a checkpoint without changing what the model computes.

    python tools/converters/fold_gates.py CHECKPOINT OUT [--gate 1.0]

A block adds tanh(gate) * W x. A gate that stayed nearly closed also slows the learning of the W behind it; here the
gate becomes `--gate`, and W takes up the difference. A training that goes on from OUT trains all blocks.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.engine.loading.saving import check_checkpoint_output, save_checkpoint

PROJECTIONS = {'attn_gate': 'attn.to_out.weight', 'ff_gate': 'ff.3.weight'}


def fold_gates(state_dict: dict[str, Tensor], gate: float = 1.0) -> None:
    """Sets every gate to `gate` and rescales the projection behind it, in place."""
    for name in state_dict:
        block, _, last = name.rpartition('.')
        if last in PROJECTIONS:
            old, new = state_dict[name].tanh(), torch.full_like(state_dict[name], gate)
            state_dict[f'{block}.{PROJECTIONS[last]}'].mul_(old / new.tanh())
            state_dict[name].copy_(new)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('out', type=Path)
    parser.add_argument('--gate', type=float, default=1.0)
    args = parser.parse_args()
    with user_errors():
        check_checkpoint_output(args.out, args.checkpoint)
        state_dict = read_checkpoint(args.checkpoint)['state_dict']
        fold_gates(state_dict, args.gate)
        save_checkpoint({'state_dict': state_dict}, args.out)


if __name__ == '__main__':
    main()
