"""Small models of the peers, run in their environment, and ours on their weights and inputs."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch

from mmflamingo.models.checkpoints.unwrapping import unwrap

from . import frozen, ours
from .report import TOLERANCE, Row
from .setups import BEAMS, IMAGE, LENGTH_PENALTY, PAD, PEERS, VISION, XATTN_EVERY, cases

RunPeer = Callable[[str, Path], None]


def prepare(name: str, root: Path) -> Path:
    """Writes job and inputs of a peer's model into a folder of its own below `root`, which has 'lm' and 'tokenizer'."""
    system, host, *options = name.split('-')
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        'lm': str(root / 'lm' / host),
        'tokenizer': str(root / 'tokenizer'),
        'vision': VISION,
        'xattn_every': XATTN_EVERY,
        'only_attend_previous': 'only_attend_previous' in options,
        'generation': {
            **{key: value for key, value in generation(name).items() if key != 'length_penalty_over'},
            'suppress_tokens': [IMAGE, PAD],  # ours never writes them
        },
    }
    (folder / 'job.json').write_text(json.dumps(job, indent=2))
    torch.save(cases(), folder / 'inputs.pt')
    return folder


def generation(name: str) -> dict:
    """Settings of the search, as ours takes them."""
    return {**BEAMS, **LENGTH_PENALTY[name.split('-')[0]]}


def compare(root: Path, run_peer: RunPeer, freeze: bool = False, names: Iterable[str] = PEERS) -> Iterator[Row]:
    """Rows for these models of `PEERS`; `freeze` writes what the peers give for the tests, too."""
    tokenizer = ours.write_word_tokenizer(root / 'words')
    for name in names:
        modes = PEERS[name]
        folder = prepare(name, root)
        run_peer(f'peer_{name.split("-")[0]}', folder)
        checkpoint = torch.load(folder / 'weights.pth', weights_only=True)
        result = torch.load(folder / 'outputs.pt', weights_only=True)
        theirs = result['outputs']
        model = ours.build(name.split('-')[1], checkpoint, tokenizer)
        if freeze:
            frozen.freeze(name, unwrap(checkpoint, name), result['names'], theirs)
        for case_name, case in cases().items():
            found = ours.run(model, case, generation(name), modes)
            for key, value in theirs[case_name].items():
                if key == 'ids':
                    pairs = zip(ours.written(found[key]), ours.written(value), strict=True)
                    unequal = sum(own != other for own, other in pairs)
                    yield Row(name, f'{case_name}, tokens of 3 beams ({modes[1]})', len(value), unequal)
                else:
                    measured = ours.difference(found[key], value, case['attention_mask'])
                    yield Row(name, f'{case_name}, {key} ({modes[0]})', value.numel(), measured, TOLERANCE)
