# EmojiScenes: shots at random against shots by similarity of the pictures. In fast binding only the supports that an
# episode lists teach its new words, so both choose among these.
benchmarks = dict(
    caption=dict(
        config='configs/flamingo/flamingo-tiny_fewshot_caption.py',
        score='CIDEr',
        options=dict(test_evaluator=[dict(type='COCOCaption', metrics=['CIDEr'])]),
    ),
    vqa=dict(config='configs/flamingo/flamingo-tiny_fewshot_vqa.py', score='acc'),
    binding=dict(
        config='configs/flamingo/flamingo-tiny_fewshot_binding.py',
        score='acc',
        selectors=dict(random=dict(type='random', among='listed'), rices=dict(type='rices', among='listed')),
    ),
)
selectors = dict(random='random', rices='rices')
shots = (0, 1, 2, 4, 8)
zero_shot_text_only = dict(caption=2, vqa=2, binding=0)  # nothing tells of new words without a picture
seeds = (0, 1, 2)
