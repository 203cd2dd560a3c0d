"""Makes EmojiClips: clips of two Noto emoji that move, or come and go, with questions that no single frame answers.

    python tools/dataset_converters/emoji_clips.py                  # train and val, about a minute and 150 MB
    python tools/dataset_converters/emoji_clips.py --splits val     # some seconds

Written below `--out` in the layout of MSVD-QA, all of it a function of `--seed` alone:

    {train,val}_qa.json            a list of {id, video_id, question, answer}
    videos/clip{video_id}.avi      9 frames of 128 x 128 pixels in a second

Every second clip moves and is asked 'What moves?' and 'Where does the ... go?', every other one 'Which comes first?'. Each frame is
coded on its own: in a frame that was coded as the difference to another one, what moved would leave a trace.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import av
from emoji.clips import FRAMES, render_clip, sample_arrival, sample_move
from PIL import Image

SPLITS = {'train': (1, 3_000), 'val': (1_000_001, 600)}  # split: (first video id, clips)
QUALITY = '3'  # of the JPEG coder: 2 is the best, 31 the worst


def write_video(path: Path, frames: Sequence[Image.Image]) -> None:
    """Write a video of one second."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mjpeg', rate=FRAMES, options={'qmin': QUALITY, 'qmax': QUALITY})
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = 'yuvj444p'
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


def write_split(out: Path, split: str, sprites: Path, seed: int, first_id: int, count: int) -> None:
    """Write the clips of a split and its questions."""
    rng = Random(f'{seed}-clips-{split}')
    entries = []
    for number in range(count):
        video_id = first_id + number
        clip = (sample_move, sample_arrival)[number % 2](rng)
        write_video(out / 'videos' / f'clip{video_id}.avi', render_clip(clip, sprites, rng))
        for index, (question, answer) in enumerate(clip.questions):
            entries.append({'id': 10 * video_id + index, 'video_id': video_id, 'question': question, 'answer': answer})
    (out / f'{split}_qa.json').write_text(json.dumps(entries, indent=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('data/emoji_clips'))
    parser.add_argument('--sprites', type=Path, default=Path('data/emoji_scenes/sprites'))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--splits', nargs='+', choices=SPLITS, default=list(SPLITS))
    parser.add_argument('--clips', type=int, help='so many clips a split instead of %(default)s')
    args = parser.parse_args()
    (args.out / 'videos').mkdir(parents=True, exist_ok=True)
    for split in args.splits:
        first_id, count = SPLITS[split]
        count = args.clips or count
        print(f'{split}: {count} clips')
        write_split(args.out, split, args.sprites, args.seed, first_id, count)


if __name__ == '__main__':
    main()
