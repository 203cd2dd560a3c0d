"""Measures how fast a model is tested, where the time goes, and how far the machine's limit is.

python tools/dev/benchmark.py [CONFIG [CHECKPOINT]] [--shots N ...] [--dtype bfloat16] [--amp] [--compile] [--out FILE]
python tools/dev/benchmark.py --against PYTHON --system mmpretrain

Without a config a model of the proportions of Flamingo-9B, small enough for a CPU, captions generated photographs. With
--against, mmpretrain or OpenFlamingo does the same in an environment of its own (see parity/README.md), with the same
weights and inputs and by turns; captions are compared. With --compile, it is the same model compiled that does.
docs/benchmarks.md has results.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from operator import attrgetter, itemgetter
from pathlib import Path

import torch
from benchmark import limit, ours, report, setup, stages
from benchmark.compiled import Compiled
from benchmark.peer import Peer
from benchmark.report import Result
from mmengine.config import Config
from parity.weights import fill

from mmflamingo import get_model
from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.options import read_values
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.models import Flamingo
from mmflamingo.models.media.media_index import MEDIA_INDEX
from mmflamingo.models.precision import cast_weights

SYSTEMS = {'mmpretrain': 'following', 'openflamingo': 'preceding'}  # and which medium a token sees there


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', help="a config with a few-shot test set [the benchmark's own model]")
    parser.add_argument('checkpoint', nargs='?', help='its weights, if the model zoo has none')
    parser.add_argument('--shots', type=int, nargs='+', default=[0, 4, 32])
    parser.add_argument('--samples', type=int, default=64, help='queries a turn [64]')
    parser.add_argument('--turns', type=int, default=3, help='how often each is measured; the best counts [3]')
    parser.add_argument('--batch-size', type=int, nargs='+', default=[16], help='one, or one for each number of shots')
    parser.add_argument('--dtype', help='dtype of weights and activations, such as bfloat16')
    parser.add_argument('--amp', action='store_true', help='predict under autocast, as tools/test.py --amp does')
    parser.add_argument(
        '--compile',
        nargs='*',
        metavar='KEY=VALUE',
        help='take turns with the model compiled, by torch.compile with these arguments',
    )
    parser.add_argument(
        '--processor-time',
        action='store_true',
        help='of this process instead of time: where other programs run, on a CPU',
    )
    parser.add_argument('--threads', type=int, help='threads of matrix products [one a core]')
    parser.add_argument('--against', metavar='PYTHON', help='the Python of an environment that has another system')
    parser.add_argument('--system', choices=SYSTEMS, default='mmpretrain')
    parser.add_argument(
        '--peer-samples', type=int, nargs='+', default=[16], help='queries it gets a turn, the first ones'
    )
    parser.add_argument(
        '--peer-batch-size',
        type=_sizes,
        nargs='+',
        default=[[8]],
        metavar='SIZE[,SIZE...]',
        help='of several, the fastest in a turn of one batch goes on [8]',
    )
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the results to this file (.json) too')
    parser.add_argument('--plot', type=Path, metavar='FILE', help='draw cost against shots and samples (.png, .svg)')
    args = parser.parse_args()
    if args.against and args.config:
        parser.error("--against runs the benchmark's own model: leave out the config")
    if args.processor_time and args.against:
        parser.error('--processor-time is not known of the other system: leave it out, or --against')
    if args.compile is not None:
        if args.against:
            parser.error('--compile and --against both take turns with mmflamingo: choose one')
        args.compile = read_values(args.compile)
        args.peer_samples, args.peer_batch_size = [args.samples], [[size] for size in args.batch_size]
    return args


def runs_of(args: argparse.Namespace, model: Flamingo) -> Callable[..., ours.Turn]:
    """`ours.run` under the autocast and by the clock that are asked for."""
    device = next(model.parameters()).device
    autocast = partial(torch.autocast, device.type, torch.bfloat16) if args.amp else contextlib.nullcontext
    return partial(ours.run, autocast=autocast, clock=time.process_time if args.processor_time else time.perf_counter)


def build_model(args: argparse.Namespace, cfg: Config, weights: Path | None) -> Flamingo:
    """The model under test."""
    dtype = getattr(torch, args.dtype) if args.dtype else None
    if args.config:
        return get_model(args.config, args.checkpoint or True, dtype=dtype)
    model = get_model(setup.CONFIG, pretrained=False)
    if weights:
        state_dict = torch.load(weights, weights_only=True)
        load_state_dict_strictly(model, state_dict_for(model, state_dict, str(weights)), str(weights))
        model.language_model.media_index = MEDIA_INDEX[SYSTEMS[args.system]]
    else:
        fill(model)
    if dtype:
        cast_weights(model, dtype)
    return model


def measure(
    args: argparse.Namespace, cfg: Config, model: Flamingo, shots: int, batch_size: int, peer_turn: Callable | None
) -> Result:
    """Alternates turns of the two, then looks where the time goes in a turn of its own."""
    new_dataset = partial(ours.build_dataset, cfg, shots, args.samples)  # with no picture loaded before
    device = next(model.parameters()).device
    dtype = torch.bfloat16 if args.amp else next(model.parameters()).dtype
    run = runs_of(args, model)
    rate, turns, theirs = 0.0, [], []
    for _ in range(args.turns):
        rate = max(rate, limit.gemm_rate(dtype, device))
        turns.append(run(model, new_dataset(), batch_size))
        theirs += [peer_turn()] if peer_turn else []
        print(f'  {turns[-1].rate:.3g} samples/s', flush=True)
    clock, dataset = stages.StageClock(), new_dataset()
    with stages.watched(model, dataset, clock), limit.watched(model) as work:
        watched = run(model, dataset, batch_size)
        seconds = dict(clock.seconds)
        scores = clock.timed('metric', ours.score)(watched, ours.build_metrics(cfg))
    on_cpu = device.type == 'cpu'
    share = stages.matrix_share(lambda: run(model, new_dataset(), batch_size)) if on_cpu else None
    needed = limit.fewest_flops(model, work, dataset[0]['inputs'].shape[1:])
    result = Result(
        shots=shots,
        batch_size=batch_size,
        samples=len(dataset),
        rates=[turn.rate for turn in turns],
        peak_bytes=max(turn.peak_bytes for turn in turns),
        working_bytes=max(turn.working_bytes for turn in turns),
        limit=len(dataset) * rate / needed,
        stages=seconds,
        matrix_share=share,
        metric_seconds=clock.seconds['metric'],
        scores=scores,
        progress=max(turns, key=attrgetter('rate')).progress,
    )
    if theirs:
        count = len(theirs[0]['captions'])
        result.peer = {
            'samples': count,
            'progress': min(theirs, key=itemgetter('seconds'))['progress'],
            'rates': [count / turn['seconds'] for turn in theirs],
            **{key: max(turn[key] for turn in theirs) for key in ('peak_bytes', 'working_bytes')},
            'identical': sum(map(_same, turns[0].captions[:count], theirs[0]['captions'])),
        }
    return result


def for_each_shots(values: Sequence[int], shots: Sequence[int]) -> dict[int, int]:
    """One value for each number of shots; the last one given counts for the rest."""
    return {number: values[min(place, len(values) - 1)] for place, number in enumerate(shots)}


def fastest_size(run: Callable[[int, int], dict], sizes: Sequence[int]) -> tuple[int, dict[int, float]]:
    """The batch size of most samples a second, and the rates of all in a turn of one batch each; one alone isn't tried.

    Args:
        run: Runs a turn by its batch size and number of samples.
        sizes: Batch sizes.
    """
    if len(sizes) == 1:
        return sizes[0], {}
    rates = {size: size / run(size, size)['seconds'] for size in sizes}
    return max(rates, key=rates.get), rates


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(',')]


def _same(caption: str, other: str) -> bool:
    """Whether the tokens are the same; the tokenizers of the two put spaces around them as they like."""
    return caption.split() == other.split()


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    if not args.config:
        setup.write_files()
    cfg = load_config(str(args.config or setup.CONFIG))
    peer, weights = None, None
    if args.against:
        datasets = {shots: ours.build_dataset(cfg, shots, args.samples) for shots in args.shots}
        folder = setup.write_job(args.system, cfg, datasets)
        peer, weights = Peer(args.against, args.system, folder, torch.get_num_threads()), folder / 'weights.pth'
    model = build_model(args, cfg, weights)
    peer_name = args.system if args.against else None
    if args.compile is not None:
        peer, peer_name = Compiled(model, cfg, runs_of(args, model), args.compile), 'compiled'
    settings = (args.batch_size, args.peer_batch_size, args.peer_samples)
    own_sizes, peer_sizes, peer_samples = (for_each_shots(values, args.shots) for values in settings)
    results = []
    for shots in args.shots:
        print(f'{shots} shots', flush=True)
        peer_turn = None
        if peer:
            size, tried = fastest_size(partial(peer.run, shots), peer_sizes[shots])
            peer_turn = partial(peer.run, shots, size, peer_samples[shots])
        result = measure(args, cfg, model, shots, own_sizes[shots], peer_turn)
        if peer:
            result.peer |= {'batch_size': size, 'tried': tried}
        results.append(result)
        if args.out:
            args.out.write_text(json.dumps([asdict(result) for result in results], indent=1))
    if peer:
        peer.close()
    if args.plot:
        report.plot(results, peer_name, args.plot)
    print(f'\n{report.speed_table(results, peer_name)}\n\n{report.stage_table(results)}')


if __name__ == '__main__':
    main()
