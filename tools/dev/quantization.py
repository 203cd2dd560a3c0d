"""Measures what quantising a model's language model saves and costs: memory, speed, and captions that change.

python tools/dev/quantization.py [CONFIG [CHECKPOINT]] [--samples 50] [--turns 3] [--threads 1] [--dtype bfloat16]

The captioning model describes the first pictures of its config's test set, as floats and in each quantisation by turns. A turn
before the first, not counted, fills the cache of visual tokens, so vision takes no part in the times. These are processor time,
of all threads together, as other programs may run.
"""

import argparse
import copy
import time

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from mmflamingo import FlamingoInferencer, get_model
from mmflamingo.models.language import FlamingoLMAdapter
from mmflamingo.models.language.quantization import QUANTIZATIONS, QuantizedLinear
from mmflamingo.registry import DATASETS

CONFIG = 'configs/flamingo/flamingo-tiny_zeroshot_caption.py'
HEADER = ('weights', 'linear layers, MiB', 'language model, MiB', 'processor time / float', 'turns, s', 'same captions')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=CONFIG)
    parser.add_argument('checkpoint', nargs='?', help='the weights that the model zoo names by default')
    parser.add_argument('--samples', type=int, default=50)
    parser.add_argument('--turns', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--batch-size', type=int, default=50)
    parser.add_argument('--dtype', help='dtype of weights and activations, such as bfloat16; float32 by default')
    return parser.parse_args()


def mebibytes(adapter: FlamingoLMAdapter) -> tuple[float, float]:
    """Size of the weights of the decoder's linear layers, and of the whole language model."""
    linear = 0
    for module in adapter.lm.get_submodule(adapter.layers_path).modules():
        if isinstance(module, QuantizedLinear):
            linear += module.num_bytes
        elif isinstance(module, nn.Linear | Conv1D):
            linear += module.weight.nbytes
    whole = sum(tensor.nbytes for tensor in [*adapter.lm.parameters(), *adapter.lm.buffers()])
    return linear / 2**20, whole / 2**20


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    dtype = getattr(torch, args.dtype) if args.dtype else None
    model = get_model(args.config, args.checkpoint or True, dtype=dtype)
    captioners = {str(dtype or torch.float32).removeprefix('torch.'): FlamingoInferencer(model)}
    for name in QUANTIZATIONS:
        quantized = copy.deepcopy(model)
        quantized.language_model.quantization = name
        quantized.after_loading()
        captioners[name] = FlamingoInferencer(quantized)
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    pictures = [dataset.get_query(index)['img_path'] for index in range(args.samples)]
    seconds: dict[str, list[float]] = {name: [] for name in captioners}
    captions = {}
    for turn in range(args.turns + 1):
        for name, captioner in captioners.items():
            start = time.process_time()
            captions[name] = [said['pred_caption'] for said in captioner(pictures, batch_size=args.batch_size)]
            if turn:
                seconds[name].append(time.process_time() - start)
    print(f'| {" | ".join(HEADER)} |\n|{" --- |" * len(HEADER)}')
    usual, *_ = captioners
    for name, captioner in captioners.items():
        linear, whole = mebibytes(captioner.model.language_model)
        same = sum(a == b for a, b in zip(captions[name], captions[usual], strict=True))
        times = ' '.join(f'{second:.1f}' for second in seconds[name])
        ratio = min(seconds[name]) / min(seconds[usual])
        print(f'| {name} | {linear:.1f} | {whole:.1f} | {ratio:.2f} | {times} | {same} of {len(pictures)} |')


if __name__ == '__main__':
    main()
