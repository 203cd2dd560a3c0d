"""Measures how long a model takes to load, and the most memory that takes, in a process of its own.

python tools/dev/loading.py [--gib 1.3] [--format pth|safetensors] [--saved-as float16] [--dtype bfloat16]
python tools/dev/loading.py --config flamingo-tiny_zeroshot_caption

Without --config it makes a Flamingo of that size with random weights in a temporary folder. "Loaded" and "ready", when every
weight was read once, count from when a model is asked for; "first sample" is the first prediction, with --config, and counts
from the start of the process, imports included. Memory is the largest size of the process (Linux), without what it held before a model was asked for, over the size
of the weights; pages of the file that are mapped and could be dropped at any time count.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

LAYER_PARAMETERS = 4 * 1024**2 + 3 * 1024 * 4096
ROOT = Path(__file__).parents[2]
BASE = ROOT / 'configs' / '_base_'
PICTURE = ROOT / 'demo' / 'cat-dog.png'
CONFIG = """
_base_ = {bases}
model = dict(language_model=dict(
    config=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers={layers}, num_attention_heads=16,
                tie_word_embeddings=False),
    xattn_every={layers}))
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', help='measure this model with its own weights')
    parser.add_argument('--checkpoint', help='its weights, if the model zoo has none')
    parser.add_argument('--gib', type=float, default=1.3, help='size of the weights in float32, GiB [1.3]')
    parser.add_argument('--format', choices=('pth', 'safetensors'), default='pth')
    parser.add_argument('--saved-as', default='float32', help='dtype in the file [float32]')
    parser.add_argument('--dtype', default='float32', help='dtype of the model [float32]')
    parser.add_argument('--started', type=float, help=argparse.SUPPRESS)  # in the process of its own: when it was
    return parser.parse_args()


def load(args: argparse.Namespace) -> dict[str, float]:
    """Loads a model in this process, and predicts if it is a whole config's; seconds and bytes."""
    import torch
    from benchmark.memory import held_bytes, peak_bytes, reset_peak

    from mmflamingo import get_model, inference_model

    reset_peak()
    held, start = held_bytes(), time.perf_counter()
    model = get_model(args.config, args.checkpoint or True, device='cpu', dtype=getattr(torch, args.dtype))
    loaded = time.perf_counter() - start
    weights = list(model.state_dict().values())
    for weight in weights:
        weight.sum()
    result = {
        'loaded_seconds': loaded,
        'ready_seconds': time.perf_counter() - start,
        'peak_bytes': peak_bytes() - held,
        'weight_bytes': sum({w.data_ptr(): w.nbytes for w in weights}.values()),
    }
    if 'test_dataloader' in model.cfg:
        inference_model(model, PICTURE)
        result['first_sample_seconds'] = time.time() - args.started
    return result


def make_model(args: argparse.Namespace, folder: Path) -> tuple[str, str]:
    """Writes a config and random weights; their paths."""
    import torch
    from safetensors.torch import save_file

    from mmflamingo import get_model

    config, checkpoint = folder / 'large.py', folder / f'large.{args.format}'
    layers = max(1, round(args.gib * 2**30 / 4 / LAYER_PARAMETERS))
    bases = [str(BASE / name) for name in ('default_runtime.py', 'models/flamingo-tiny.py')]
    config.write_text(CONFIG.format(bases=bases, layers=layers))
    model = get_model(config, pretrained=False, device='cpu', dtype=getattr(torch, args.saved_as))
    save = save_file if args.format == 'safetensors' else torch.save
    save(model.state_dict(), checkpoint)
    return str(config), str(checkpoint)


def main() -> None:
    args = parse_args()
    if args.started:
        print(json.dumps(load(args)))
        return
    with TemporaryDirectory() as folder:
        config, checkpoint = (args.config, args.checkpoint) if args.config else make_model(args, Path(folder))
        command = [sys.executable, __file__, '--started', str(time.time()), '--config', config, '--dtype', args.dtype]
        command += ['--checkpoint', checkpoint] if checkpoint else []
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    print(
        f'{result["weight_bytes"] / 2**30:.2f} GiB of weights: loaded after {result["loaded_seconds"]:.1f} s, '
        f'ready after {result["ready_seconds"]:.1f} s; '
        f'at most {result["peak_bytes"] / result["weight_bytes"]:.2f} times their memory'
    )
    if 'first_sample_seconds' in result:
        print(f'First sample after {result["first_sample_seconds"]:.1f} s')


if __name__ == '__main__':
    main()
