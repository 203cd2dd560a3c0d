"""Make one HTML page of a run's predictions: pictures, shots, prompts, references and scores, to sort and to filter.

    python tools/analysis/browse_predictions.py RUN [OTHER_RUN] --out page.html [--max-samples 2000]

A run is its folder or its predictions.jsonl. The page needs nothing but itself. With two runs on the same queries it
shows both, and finds the samples on which they disagree.
"""

import argparse
import base64
import io
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.config.outputs import check_file
from mmflamingo.engine.errors import MissingFilesError, RunError
from mmflamingo.engine.testing.predictions import FILE_NAME, Record, read_records
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
        """None for a file that is no picture, or is not there any more."""
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
        RunError: The runs share no sample.
    """
    thumbnails = Thumbnails(image_size)
    tables = [{str(record['sample_id']): record for record in records} for records in runs.values()]
    shared = [i for i in tables[0] if all(i in table for table in tables)]
    if not shared:
        raise RunError('The runs have no sample in common: give runs on the same queries.')
    samples = [_sample([table[i] for table in tables], thumbnails) for i in shared]
    names = dict.fromkeys(name for sample in samples for run in sample['runs'] for name in run['scores'])
    content = {'runs': list(runs), 'scores': list(names), 'samples': samples, 'images': thumbnails.urls}
    data = json.dumps(content, ensure_ascii=False).replace('<', '\\u003c')  # no text can end the script element
    return TEMPLATE.read_text(encoding='utf-8').replace('{{DATA}}', data)


def _sample(records: Sequence[Record], thumbnails: Thumbnails) -> dict[str, Any]:
    first = records[0]
    return {
        'id': str(first['sample_id']),
        'image': thumbnails.add(first.get('img_path')),
        'question': first.get('question'),
        'references': [str(reference) for reference in first.get('references') or ()],
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
        check_file('--out', args.out)
        records = {}
        for letter, run in zip('AB', args.runs, strict=False):
            path = run / FILE_NAME if run.is_dir() else run
            if not path.is_file():
                raise MissingFilesError(f'{path} does not exist: give the folder of a finished run of tools/test.py.')
            records[f'{letter}: {run}' if len(args.runs) > 1 else str(run)] = list(
                islice(read_records(path), args.max_samples)
            )
        args.out.write_text(page(records, args.image_size), encoding='utf-8')
        print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
