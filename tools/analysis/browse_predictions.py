"""Make one HTML page of a run's predictions: pictures, shots, prompts, references and scores, to sort and to filter.

    python tools/analysis/browse_predictions.py RUN [OTHER_RUN] --out page.html [--max-samples 2000]

A run is its folder or its predictions.jsonl. The page needs nothing but itself. With two runs on the same queries it
shows both, and finds the samples on which they disagree.
"""

import argparse
import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.config.outputs import check_file
from mmflamingo.engine.testing.pairing import shared_samples
from mmflamingo.engine.testing.plain_json import dumps, write_whole
from mmflamingo.engine.testing.predictions import Record
from mmflamingo.engine.testing.results import read_run
from mmflamingo.visualization.canvas import open_picture

TEMPLATE = Path(__file__).with_suffix('.html')


class Thumbnails:
    """Small pictures as data URLs, each file once.

    Args:
        size: Longest edge in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.urls: dict[str, str | None] = {}

    def add(self, path: str | None) -> str | None:
        """Make sure that a file's picture is there; gives its key, which is None for a text-only example."""
        if path is not None and path not in self.urls:
            self.urls[path] = self._url(path)
        return path

    def _url(self, path: str) -> str | None:
        """None for a file that is not a picture, or is gone."""
        try:
            small = open_picture(path)
        except (OSError, ValueError, ImportError):
            return None
        small.thumbnail((self.size, self.size))
        content = io.BytesIO()
        small.save(content, 'JPEG', quality=85)
        return 'data:image/jpeg;base64,' + base64.b64encode(content.getvalue()).decode()


def page(runs: Mapping[str, Sequence[Record]], image_size: int = 160) -> str:
    """The page of one or two runs.

    Args:
        runs: Records of each run by its name; samples that are not in all runs are left out.
        image_size: Longest edge of the pictures in pixels.

    Raises:
        RunError: The runs share no sample, or the ids of one are not those of the other.
    """
    thumbnails = Thumbnails(image_size)
    samples = [_sample(records, thumbnails) for records in shared_samples(runs).values()]
    names = dict.fromkeys(name for sample in samples for run in sample['runs'] for name in run['scores'])
    content = {'runs': list(runs), 'scores': list(names), 'samples': samples, 'images': thumbnails.urls}
    data = dumps(content, 'The page').replace('<', '\\u003c')  # no text can end the script element
    return TEMPLATE.read_text(encoding='utf-8').replace('{{DATA}}', data)


def _sample(records: Sequence[Record], thumbnails: Thumbnails) -> dict[str, Any]:
    first = records[0]
    references = first.get('references') or ()
    return {
        'id': str(first['sample_id']),
        'image': thumbnails.add(first.get('img_path')),
        'question': first.get('question'),
        'references': [references] if isinstance(references, str) else list(map(str, references)),
        'runs': [_run(record, thumbnails) for record in records],
    }


def _run(record: Record, thumbnails: Thumbnails) -> dict[str, Any]:
    return {
        'prediction': str(record.get('prediction') or ''),
        'prompt': record.get('prompt'),
        'scores': record.get('scores') or {},
        'shots': [
            {'image': thumbnails.add(shot.get('img_path')), 'text': _text_of(shot)}
            for shot in record.get('shots') or ()
        ],
    }


def _text_of(shot: Mapping[str, Any]) -> str:
    return ' '.join(str(shot[name]) for name in ('question', 'answer', 'caption') if shot.get(name) is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', type=Path, metavar='RUN', help='one or two runs')
    parser.add_argument('--out', type=Path, required=True, help='file to write, .html')
    parser.add_argument('--max-samples', type=int, default=2000, help='samples of each run to read [2000]')
    parser.add_argument('--image-size', type=int, default=160, help='longest edge of the pictures in pixels [160]')
    args = parser.parse_args()
    if len(args.runs) > 2:
        parser.error(f'{len(args.runs)} runs: give one or two.')
    with user_errors():
        args.out = check_file('--out', args.out)
        records = {}
        for letter, run in zip('AB', args.runs, strict=False):
            records[f'{letter}: {run}' if len(args.runs) > 1 else str(run)] = read_run(run)[: args.max_samples]
        write_whole(args.out, page(records, args.image_size))
        print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
