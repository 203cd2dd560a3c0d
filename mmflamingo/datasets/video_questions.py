"""Questions about videos: MSVD-QA, MSRVTT-QA, iVQA and STAR.

`data_prefix['img_path']` is the folder of the videos, and `image_id` a video's id. Load the frames by `LoadVideoFrames`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmflamingo.registry import DATASETS

from .base import Record
from .clips import clip_path
from .fields import Misfit, an_id, any_text, cell, list_of, seconds, show, text
from .layouts import Layout, all_or_none, optional
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
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(f'video_name={self.video_name!r}: its only field is {{video_id}} ({error!r}).') from error


def part_of(path: str, entry: dict) -> str:
    """The path of the part of a video that an entry's `start` and `end` tell."""
    if entry['end'] <= entry['start']:
        raise Misfit(f'later than start, {entry["start"]:g} seconds', entry['end'], 'end')
    return clip_path(path, entry['start'], entry['end'])


class CSVQuestions(VideoQuestionFile):
    """Base of those in a CSV file with a line of names."""

    aliases: Mapping[str, str] = {}  # other names of columns
    together: Sequence[str] = ()  # columns that a file has all or none of

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load the rows as dicts of their cells, without those that are empty."""
        return self.load_table(path, argument, self.fields.required, self.together, self.aliases)


@DATASETS.register_module()
class MSRVTTQA(VideoQuestionFile):
    """Questions made of MSR-VTT's captions, one answer each: `{train,val,test}_qa.json`.

    Files: https://github.com/xudejing/video-question-answering.
    """

    layout = 'a JSON list of {id, video_id, question, answer}'
    fields = Layout(
        id=all_or_none(an_id),
        video_id=all_or_none(an_id),
        video=all_or_none(text),
        question=text,
        answer=all_or_none(text),
    )
    video_name = 'video{video_id}.mp4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question; some copies name the file under `video` instead of an id."""
        video_id, question_id, answer = (entry.get(name) for name in ('video_id', 'id', 'answer'))
        file = self.file_of(video_id) if video_id is not None else entry.get('video')
        if file is None:
            raise Misfit('an id', None, 'video_id')
        video_id = file if video_id is None else video_id
        return question_record(
            f'{video_id}: {entry["question"]}' if question_id is None else question_id,
            video_id,
            file,
            answers=() if answer is None else [answer],
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


ANSWER_COLUMNS = [f'answer{number}' for number in range(1, 6)]


@DATASETS.register_module()
class IVQA(CSVQuestions):
    """Questions about parts of instructional videos, five answers each: `{train,val,test}.csv`.

    Files: https://github.com/antoyang/just-ask (iVQA).
    """

    layout = 'a CSV file with video_id, start, end, question, answer1 to answer5'
    fields = Layout(
        video_id=cell(an_id),
        question=text,
        start=all_or_none(seconds),
        end=all_or_none(seconds),
        **dict.fromkeys(ANSWER_COLUMNS, optional(any_text)),
        answers=all_or_none(list_of(any_text)),
    )
    video_name = '{video_id}.mp4'
    together = ANSWER_COLUMNS

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load the rows with the answers of each as a list."""
        for place, row in super().entries(path, argument):
            answers = [row[column].strip() for column in ANSWER_COLUMNS if column in row]
            yield place, row | ({'answers': answers} if answers else {})

    def record(self, entry: Any) -> Record:
        """Make a record of a question; it has no id of its own."""
        question, path = entry['question'], self.file_of(entry['video_id'])
        part = part_of(path, entry) if 'start' in entry else path
        return question_record(
            f'{part}: {question}', entry['video_id'], part, answers=entry.get('answers'), question=question
        )


@DATASETS.register_module()
class FlamingoEvalIVQA(SupportFileMixin, IVQA):
    """Few-shot iVQA; arguments of `SupportFileMixin` and `IVQA`."""


SITUATIONS = ('Interaction', 'Sequence', 'Prediction', 'Feasibility')


def id_with_type(value: Any) -> str:
    """An id of STAR, which begins with the type of its question."""
    if text(value).split('_')[0] not in SITUATIONS:
        raise Misfit(f'an id that begins with {", ".join(SITUATIONS)}', value)
    return value


@DATASETS.register_module()
class STAR(VideoQuestionFile):
    """Questions about situations in parts of Charades videos, four choices: `STAR_{train,val,test}.json`.

    The type (Interaction, Sequence, Prediction, Feasibility) is what a question's id begins with.
    Files: https://bobbywu.com/STAR/.
    """

    task = 'multiple_choice'
    layout = 'a JSON list of {question_id, question, video_id, start, end, answer, choices}'
    fields = Layout(
        question_id=id_with_type,
        question=text,
        video_id=an_id,
        start=seconds,
        end=seconds,
        answer=all_or_none(text),
        choices=list_of(Layout(choice=text), least=2),
    )
    video_name = '{video_id}.mp4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        choices = [choice['choice'] for choice in entry['choices']]
        answer = entry.get('answer')
        if answer is not None and answer not in choices:
            raise Misfit(f'one of the choices {show(choices)}', answer, 'answer')
        return question_record(
            entry['question_id'],
            entry['video_id'],
            part_of(self.file_of(entry['video_id']), entry),
            choices=choices,
            right=None if answer is None else choices.index(answer),
            question=entry['question'],
            question_type=entry['question_id'].split('_')[0],
        )


@DATASETS.register_module()
class FlamingoEvalSTAR(SupportFileMixin, STAR):
    """Few-shot STAR; arguments of `SupportFileMixin` and `STAR`."""
