"""Draws predictions so that one sees at a glance whether they are right."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mmengine.visualization import Visualizer
from PIL import Image

from mmflamingo.registry import VISUALIZERS

from .canvas import BLUE, GREY, Text, column, picture, row, text_block, with_margin
from .fonts import Fonts

SHOT_SIZE, QUERY_SIZE = (168, 132), (384, 384)
SHOTS_A_ROW = 6
GAP = 16
WIDTH = SHOTS_A_ROW * SHOT_SIZE[0] + (SHOTS_A_ROW - 1) * GAP
SHOWN_REFERENCES = 6


@VISUALIZERS.register_module()
class FlamingoVisualizer(Visualizer):
    """mmengine's Visualizer that can also draw a line of the prediction file.

    The shots stand in rows with their text, in the order of the prompt; below them the query's
    picture, bigger, with question, prediction, references, scores and prompt.

    Args:
        font: Font file for the text, for a script that the system has no font of; see `Fonts`.
        kwargs: Further arguments of mmengine's Visualizer.

    Raises:
        ValueError: `font` is not a font file.
    """

    def __init__(self, name: str = 'visualizer', font: str | None = None, **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        self._fonts = Fonts(font)

    def draw_prediction(self, record: Mapping[str, Any]) -> Image.Image:
        """Draw one sample.

        Args:
            record: A record of the prediction file.

        Returns:
            An RGB picture about 1100 pixels wide, as high as it needs to be.
        """
        title = f'{record.get("task", "sample")} {record["sample_id"]}'
        parts = [text_block([Text(title, 14, GREY)], WIDTH, self._fonts)]
        shots = [self._draw_shot(shot) for shot in record.get('shots', ())]
        parts += [row(shots[i : i + SHOTS_A_ROW], GAP) for i in range(0, len(shots), SHOTS_A_ROW)]
        texts = text_block(_query_texts(record), WIDTH - QUERY_SIZE[0] - GAP, self._fonts)
        parts.append(row([picture(record.get('img_path'), QUERY_SIZE, self._fonts), texts], GAP))
        return with_margin(column(parts, GAP), GAP)

    def _draw_shot(self, shot: Mapping[str, Any]) -> Image.Image:
        if 'question' in shot:
            texts = [Text(str(shot['question']), 14, max_lines=3), Text(str(shot.get('answer', '')), 14, BLUE)]
        else:
            texts = [Text(str(shot.get('caption', '')), 14, max_lines=5)]
        image = picture(shot.get('img_path'), SHOT_SIZE, self._fonts)
        return column([image, text_block(texts, SHOT_SIZE[0], self._fonts)], 4)


def _query_texts(record: Mapping[str, Any]) -> list[Text]:
    texts = []
    if record.get('question'):
        texts.append(Text(record['question'], 22))
    texts.append(Text(record.get('prediction') or '(nothing)', 26, BLUE))
    if record.get('scores'):
        texts.append(Text(_format_scores(record['scores']), 16, GREY))
    texts += [Text(' '), Text('References', 14, GREY)]
    counts = Counter(map(str, record.get('references') or ['(none)']))
    for reference, count in counts.most_common(SHOWN_REFERENCES):
        texts.append(Text(f'{reference} ({count})' if count > 1 else reference, 16, max_lines=2))
    if len(counts) > SHOWN_REFERENCES:
        texts.append(Text(f'and {len(counts) - SHOWN_REFERENCES} more', 14, GREY))
    if record.get('prompt'):
        texts += [Text(' '), Text('Prompt', 14, GREY), Text(record['prompt'], 13, max_lines=8)]
    if record.get('generated') not in (None, record.get('prediction')):
        texts += [Text(' '), Text('Generated', 14, GREY), Text(record['generated'], 13)]
    return texts


def _format_scores(scores: Mapping[str, Any]) -> str:
    return '   '.join(
        f'{name} {value:.4g}' if isinstance(value, int | float) else f'{name} {value}' for name, value in scores.items()
    )
