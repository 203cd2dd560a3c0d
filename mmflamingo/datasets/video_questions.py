"""Questions about videos: MSVD-QA, MSRVTT-QA, iVQA and STAR.

`data_prefix['img_path']` is the folder of the videos, and `image_id` a video's id. Load the frames by `LoadVideoFrames`.
"""

import csv
from collections.abc import Iterable
from typing import Any

from mmflamingo.registry import DATASETS

from .base import Record
from .clips import clip_path
from .questions import QuestionFile, question_record
from .shots.few_shot import SupportFileMixin


class VideoQuestionFile(QuestionFile):
    """Base of the sets of questions about videos.

    Args:
        video_name: Template of the file names, such as 'video{video_id}.mp4'; each set has its own by default.
        kwargs: Arguments of `QuestionSet`.
    """

    video_name: str

    def __init__(self, *args, video_name: str | None = None, **kwargs) -> None:
        self.video_name = video_name or self.video_name
        super().__init__(*args, **kwargs)

    def file_of(self, video_id: int | str) -> str:
        """Name of a video's file."""
        try:
            return self.video_name.format(video_id=video_id)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f'video_name={self.video_name!r}: its only field is {{video_id}} ({error!r}).') from error


class CSVQuestions(VideoQuestionFile):
    """Base of those in a CSV file with a line of names."""

    def entries(self, path: str, argument: str) -> Iterable[Any]:
        """Load the lines as dicts."""
        return csv.DictReader(self.load_lines(path, argument))


@DATASETS.register_module()
class MSRVTTQA(VideoQuestionFile):
    """Questions made of MSR-VTT's captions, one answer each: `{train,val,test}_qa.json`.

    Files: https://github.com/xudejing/video-question-answering.
    """

    layout = 'a JSON list of {id, video_id, question, answer}'
    video_name = 'video{video_id}.mp4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question; some copies name the file under `video` instead of an id."""
        video_id = entry['video_id'] if 'video_id' in entry else entry['video']
        return question_record(
            entry['id'] if 'id' in entry else f'{video_id}: {entry["question"]}',
            video_id,
            self.file_of(video_id) if 'video_id' in entry else video_id,
            answers=[entry['answer']] if 'answer' in entry else (),
            question=entry['question'],
            question_type=entry['question'].split()[0].lower(),
        )


@DATASETS.register_module()
class FlamingoEvalMSRVTTQA(SupportFileMixin, MSRVTTQA):
    """Few-shot MSRVTT-QA; arguments of `SupportFileMixin` and `MSRVTTQA`."""


@DATASETS.register_module()
class MSVDQA(MSRVTTQA):
    """Questions made of MSVD's captions; files as of MSRVTT-QA.

    The videos are YouTubeClips.tar's, renamed by `youtube_mapping.txt` (`NAME vid7`) to `vid7.avi`.
    """

    video_name = 'vid{video_id}.avi'


@DATASETS.register_module()
class FlamingoEvalMSVDQA(SupportFileMixin, MSVDQA):
    """Few-shot MSVD-QA; arguments of `SupportFileMixin` and `MSVDQA`."""


@DATASETS.register_module()
class IVQA(CSVQuestions):
    """Questions about parts of instructional videos, five answers each: `{train,val,test}.csv`.

    Files: https://github.com/antoyang/just-ask (iVQA).
    """

    layout = 'a CSV file with video_id, start, end, question, answer1 to answer5'
    video_name = '{video_id}.mp4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question; it has no id of its own."""
        video_id, question = entry['video_id'], entry['question']
        path = self.file_of(video_id)
        timed = bool(entry.get('start') and entry.get('end'))
        part = clip_path(path, entry['start'], entry['end']) if timed else path
        return question_record(
            f'{part}: {question}',
            video_id,
            part,
            answers=[answer for key in ANSWER_KEYS if (answer := (entry.get(key) or '').strip())],
            question=question,
        )


ANSWER_KEYS = [f'answer{number}' for number in range(1, 6)]


@DATASETS.register_module()
class FlamingoEvalIVQA(SupportFileMixin, IVQA):
    """Few-shot iVQA; arguments of `SupportFileMixin` and `IVQA`."""


@DATASETS.register_module()
class STAR(VideoQuestionFile):
    """Questions about situations in parts of Charades videos, four choices: `STAR_{train,val,test}.json`.

    The type (Interaction, Sequence, Prediction, Feasibility) is what a question's id begins with.
    Files: https://bobbywu.com/STAR/.
    """

    task = 'multiple_choice'
    layout = 'a JSON list of {question_id, question, video_id, start, end, answer, choices}'
    video_name = '{video_id}.mp4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        choices = [choice['choice'] for choice in entry['choices']]
        answer = entry.get('answer')
        if answer is not None and answer not in choices:
            raise IndexError(f'the answer {answer!r} of {entry["question_id"]!r} is none of {choices}')
        return question_record(
            entry['question_id'],
            entry['video_id'],
            clip_path(self.file_of(entry['video_id']), entry['start'], entry['end']),
            choices=choices,
            right=None if answer is None else choices.index(answer),
            question=entry['question'],
            question_type=entry['question_id'].split('_')[0],
        )


@DATASETS.register_module()
class FlamingoEvalSTAR(SupportFileMixin, STAR):
    """Few-shot STAR; arguments of `SupportFileMixin` and `STAR`."""
