"""The things of EmojiScenes and the words that are used for them."""

from dataclasses import dataclass

COLORS = {
    'red': (214, 88, 84),
    'orange': (240, 168, 92),
    'yellow': (244, 224, 120),
    'green': (128, 190, 120),
    'blue': (112, 160, 220),
    'purple': (170, 130, 205),
    'pink': (244, 176, 200),
    'white': (248, 248, 246),
    'grey': (168, 172, 176),
    'brown': (176, 136, 100),
}
TEXTURES = ('plain', 'striped', 'dotted', 'checkered')
NUMBERS = ('zero', 'one', 'two', 'three', 'four')

# Words for fast binding: an onset and a rhyme, twice. No English word is meant.
ONSETS = ('bl', 'd', 'f', 'g', 'k', 'm', 'n', 'p', 'r', 's', 't', 'v', 'w', 'z', 'sh', 'tr')
RHYMES = ('ax', 'ick', 'op', 'ug', 'em', 'il', 'ov', 'un')


@dataclass(frozen=True)
class Thing:
    """One kind of object: its names, its super-category and the sprite that shows it."""

    name: str
    category: str
    sprite: str  # short name in emoji-datasource
    synonym: str = ''
    plural: str = ''
    synonym_plural: str = ''

    def noun(self, count: int = 1, use_synonym: bool = False) -> str:
        """The word for `count` of this thing."""
        word, plural = self.name, self.plural
        if use_synonym and self.synonym:
            word, plural = self.synonym, self.synonym_plural
        return word if count == 1 else plural or pluralize(word)


def pluralize(noun: str) -> str:
    """Regular English plural of a noun."""
    if noun.endswith(('s', 'x', 'ch', 'sh')):
        return noun + 'es'
    if noun.endswith('y') and noun[-2] not in 'aeiou':
        return noun[:-1] + 'ies'
    return noun + 's'


def article(noun: str) -> str:
    """`noun` with its indefinite article."""
    return f'{"an" if noun[0] in "aeiou" else "a"} {noun}'


# name : sprite [: synonym]; plurals that the rule above gets wrong stand in IRREGULAR.
_THINGS = {
    'animal': 'cat:cat2:kitty dog:dog2:puppy horse:racehorse:pony cow:cow2:bull pig:pig2:hog sheep:sheep:lamb '
    'rabbit:rabbit2:bunny tiger:tiger2 lion:lion_face monkey:monkey:ape elephant:elephant frog:frog:toad '
    'rooster:rooster:chicken penguin:penguin owl:owl duck:duck:mallard fish:fish whale:whale2 '
    'octopus:octopus:squid turtle:turtle:tortoise snake:snake:serpent butterfly:butterfly:moth bee:bee:wasp '
    'crab:crab panda:panda_face giraffe:giraffe_face zebra:zebra_face flamingo:flamingo parrot:parrot '
    'crocodile:crocodile:alligator',
    'food': 'apple:apple banana:banana pear:pear grape:grapes strawberry:strawberry:berry watermelon:watermelon:melon '
    'lemon:lemon:citrus pineapple:pineapple burger:hamburger:hamburger pizza:pizza:slice cake:birthday:gateau '
    'donut:doughnut:doughnut cookie:cookie:biscuit carrot:carrot corn:corn:maize cheese:cheese_wedge:cheddar '
    'mushroom:mushroom:toadstool pretzel:pretzel',
    'vehicle': 'car:car:automobile bus:bus:coach truck:truck:lorry bicycle:bike:bike airplane:airplane:plane '
    'boat:boat:sailboat train:steam_locomotive:locomotive tractor:tractor rocket:rocket:spaceship '
    'helicopter:helicopter:chopper ambulance:ambulance scooter:motor_scooter:moped',
    'instrument': 'guitar:guitar drum:drum_with_drumsticks trumpet:trumpet:horn violin:violin:fiddle bell:bell',
    'plant': 'tree:evergreen_tree:fir palm:palm_tree cactus:cactus sunflower:sunflower rose:rose tulip:tulip',
    'object': 'teapot:teapot:kettle clock:alarm_clock:alarm book:closed_book key:key hammer:hammer:mallet '
    'umbrella:umbrella:parasol chair:chair:seat lamp:bulb:bulb camera:camera crown:crown hat:tophat:cap '
    'shoe:athletic_shoe:sneaker shirt:shirt:tee dress:dress:gown gift:gift:present balloon:balloon '
    'candle:candle:taper ball:soccer:football anchor:anchor',
}
_IRREGULAR = {'sheep': 'sheep', 'fish': 'fish', 'octopus': 'octopuses', 'cactus': 'cactuses', 'squid': 'squid'}


def _read_things() -> tuple[Thing, ...]:
    things = []
    for category, line in _THINGS.items():
        for entry in line.split():
            name, sprite, synonym, *_ = (*entry.split(':'), '')
            things.append(Thing(name, category, sprite, synonym, _IRREGULAR.get(name, ''), _IRREGULAR.get(synonym, '')))
    return tuple(things)


THINGS = _read_things()
CATEGORIES = tuple(_THINGS)
