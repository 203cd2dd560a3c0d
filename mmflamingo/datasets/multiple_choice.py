"""Close-ended sets about images, whose choices are ranked: HatefulMemes, ScienceQA and A-OKVQA."""

from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.logging import print_log

from mmflamingo.registry import DATASETS

from .base import Record
from .fields import an_id, any_text, choices, file_name, flag, one_of, references, text, whole_number
from .layouts import Layout, all_or_none, nullable, optional
from .questions import QuestionFile, question_record
from .shots.few_shot import FewShotMixin, SupportFileMixin


@DATASETS.register_module()
class HatefulMemes(QuestionFile):
    """Is a meme hateful? JSON lines of {id, img, text, label}: `train.jsonl`, `{dev,test}_{seen,unseen}.jsonl`.

    The text on the image is the field `ocr`, so the prompt template is of a kind of its own (task 'hateful_memes').
    Files: https://hatefulmemeschallenge.com.
    """

    task = 'hateful_memes'
    shot_fields = ('ocr',)
    choices = ('no', 'yes')  # of the labels 0 and 1
    layout = 'JSON lines of {id, img, text, label}'
    fields = Layout(id=an_id, img=file_name, text=any_text, label=all_or_none(one_of(0, 1)))

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load one JSON object a line."""
        return self.load_json_lines(path, argument)

    def record(self, entry: Any) -> Record:
        """Make a record of a meme."""
        return question_record(
            entry['id'], entry['id'], entry['img'], choices=self.choices, right=entry.get('label'), ocr=entry['text']
        )


@DATASETS.register_module()
class FlamingoEvalHatefulMemes(SupportFileMixin, HatefulMemes):
    """Few-shot HatefulMemes; arguments of `SupportFileMixin` and `HatefulMemes`."""


ASKED = {'question_id': an_id, 'image_id': whole_number, 'question': text}
RANKED = {'choices': choices, 'correct_choice_idx': all_or_none(whole_number)}
DIRECT = {'direct_answers': all_or_none(references), 'difficult_direct_answer': all_or_none(flag)}


@DATASETS.register_module()
class AOKVQA(QuestionFile):
    """Questions about COCO images, to be answered freely or by one of four choices: `aokvqa_v1p0_{split}.json`.

    Images are COCO's of 2017, `{image_id:012d}.jpg`. Files: https://github.com/allenai/aokvqa.

    Args:
        multiple_choice: Give the choices. False: the ten direct answers are the references, and questions that A-OKVQA
            calls too difficult for direct answers are left out, as its rule has it.
        kwargs: Arguments of `QuestionSet`.
    """

    layout = 'a JSON list of {question_id, image_id, question, choices, ...}'

    def __init__(self, *args, multiple_choice: bool = True, **kwargs) -> None:
        self.multiple_choice = multiple_choice
        self.task = 'multiple_choice' if multiple_choice else 'vqa'
        self.fields = Layout(**ASKED | (RANKED if multiple_choice else DIRECT))
        super().__init__(*args, **kwargs)

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read the questions that may be asked; arguments as of `QuestionFile`."""
        records = super().read_file(path, img_prefix, argument)
        return [record for record in records if not record.pop('is_difficult')]

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        if self.multiple_choice:
            answers = {'choices': entry['choices'], 'right': entry.get('correct_choice_idx')}
        else:
            answers = {'answers': entry.get('direct_answers')}
        return question_record(
            entry['question_id'],
            entry['image_id'],
            f'{entry["image_id"]:012d}.jpg',
            question=entry['question'],
            is_difficult=not self.multiple_choice and entry.get('difficult_direct_answer'),
            **answers,
        )


@DATASETS.register_module()
class FlamingoEvalAOKVQA(SupportFileMixin, AOKVQA):
    """Few-shot A-OKVQA; arguments of `SupportFileMixin` and `AOKVQA`."""


@DATASETS.register_module()
class ScienceQA(QuestionFile):
    """School questions with two to five choices, those of them that have an image: `problems.json`.

    Images are `{split}/{question id}/image.png`. Files: https://scienceqa.github.io.

    Args:
        split: Splits to read, e.g. 'test' or ('train', 'val').
        with_hint: Put a question's hint, a text of several sentences, before it.
        kwargs: Arguments of `QuestionSet`.
    """

    task = 'multiple_choice'
    layout = 'a JSON object with a problem for each question id'
    fields = Layout(
        question_id=an_id,
        question=text,
        choices=choices,
        answer=all_or_none(whole_number),
        hint=optional(any_text),
        image=nullable(file_name),
        subject=all_or_none(text),
        split=text,
    )

    def __init__(self, *args, split: str | Sequence[str] = 'test', with_hint: bool = True, **kwargs) -> None:
        self.split = split
        self.with_hint = with_hint
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `split` of `ann_file`."""
        return self.read_split(self.split, 'split')

    def read_split(self, split: str | Sequence[str], argument: str) -> list[Record]:
        """Read some splits of `ann_file`.

        Args:
            split: As in the constructor.
            argument: Name of the argument that gave it, for messages.

        Raises:
            ValueError: The file has no such split, or no question with an image in it.
        """
        records = self.read_file(self.ann_file, self.data_prefix['img_path'], 'ann_file')
        wanted, present = {split} if isinstance(split, str) else set(split), {record['split'] for record in records}
        if not wanted or not wanted <= present:
            raise ValueError(f"{argument}={split!r}: '{self.ann_file}' has questions with images in {sorted(present)}.")
        return [record for record in records if record['split'] in wanted]

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read the problems that have an image; arguments as of `QuestionFile`."""
        records = super().read_file(path, img_prefix, argument)
        shown = [record for record in records if record.pop('has_image')]
        print_log(f"'{path}': {len(shown)} of {len(records)} questions have an image; only these are asked.", 'current')
        return shown

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load the problems with their ids."""
        return self.load_keyed(path, argument, 'question_id')

    def record(self, entry: Any) -> Record:
        """Make a record of a problem."""
        key, image = entry['question_id'], entry['image']
        hint = (entry.get('hint') or '').strip() if self.with_hint else ''
        return question_record(
            key,
            key,
            f'{entry["split"]}/{key}/{image}',
            choices=entry['choices'],
            right=entry.get('answer'),
            question=f'{hint} {entry["question"]}'.strip(),
            question_type=entry.get('subject'),
            split=entry['split'],
            has_image=image is not None,
        )


@DATASETS.register_module()
class FlamingoEvalScienceQA(FewShotMixin, ScienceQA):
    """Few-shot ScienceQA.

    Args:
        support_split: Splits for the support set, of the same file; None takes them from `split`.
        kwargs: Arguments of `FewShotMixin` and `ScienceQA`.
    """

    def __init__(self, *args, support_split: str | Sequence[str] | None = None, **kwargs) -> None:
        self.support_split = support_split
        super().__init__(*args, **kwargs)

    def load_support_list(self) -> list[Record] | None:
        """Read the support splits, if there are any."""
        return None if self.support_split is None else self.read_split(self.support_split, 'support_split')
