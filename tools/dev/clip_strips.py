"""A picture of video clips, their questions, and what runs answered.

    python tools/dev/clip_strips.py RUN [RUN ...] --names NAME [NAME ...] --out FILE.png [--videos 6] [--frames 4]

A run is its folder or its predictions.jsonl; the first one's clips are shown.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mmflamingo.datasets.transforms import LoadVideoFrames
from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.testing.predictions import FILE_NAME, Record, read_records
from mmflamingo.visualization.canvas import BLUE, GREY, Text, column, row, text_block, with_margin

GAP, TEXT_WIDTH = 8, 330


def strip(path: str, num_frames: int) -> Image.Image:
    """Frames of a video beside each other."""
    frames = LoadVideoFrames(num_frames=num_frames)({'img_path': path})['img']
    return row([Image.fromarray(frame[..., ::-1]) for frame in frames], GAP // 2)


def answers(records: Sequence[Record], names: Sequence[str]) -> list[Text]:
    """One question of each run's record: the answer of the file, then what each run said."""
    said = [f'{name}: {record["prediction"]}' for name, record in zip(names, records, strict=True)]
    return [Text(f'{records[0]["question"]} {records[0]["references"][0]}', 15), Text(', '.join(said), 14, BLUE)]


def draw(runs: Sequence[Sequence[Record]], names: Sequence[str], videos: int, frames: int) -> Image.Image:
    """The first videos with all their questions."""
    others = [{record['sample_id']: record for record in run} for run in runs]
    by_video: dict[int, list[Record]] = {}
    for record in runs[0]:
        by_video.setdefault(record['image_id'], []).append(record)
    rows = []
    for records in list(by_video.values())[:videos]:
        texts = [text for record in records for text in answers([run[record['sample_id']] for run in others], names)]
        rows.append(row([strip(records[0]['img_path'], frames), text_block(texts, TEXT_WIDTH)], GAP))
    title = text_block([Text(f'{frames} frames, the question with its answer, predictions', 13, GREY)], rows[0].width)
    return with_margin(column([title, *rows], GAP), GAP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', type=Path, metavar='RUN')
    parser.add_argument('--names', nargs='+', required=True, help='what to call the runs')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--videos', type=int, default=6)
    parser.add_argument('--frames', type=int, default=4)
    args = parser.parse_args()
    if len(args.names) != len(args.runs):
        parser.error(f'{len(args.runs)} runs but {len(args.names)} names')
    with user_errors():
        runs = [list(read_records(run / FILE_NAME if run.is_dir() else run)) for run in args.runs]
        draw(runs, args.names, args.videos, args.frames).save(args.out)


if __name__ == '__main__':
    main()
