"""The paraphrases keep what a caption says and are there for every caption."""

import re

import pytest

from genmo_blender.engine.training.paraphrases import known_captions, mirror_words, variants

LONGEST = 28  # words: a prompt, not a story

KINDS = tuple(known_captions())
CAPTIONS = [caption for kind in KINDS for caption in known_captions()[kind]]
FEWEST = {"motion": 8, "trial": 5}


def sides(sentence: str) -> set[str]:
    without_angles = re.sub("right[ -]angle", "square angle", sentence)
    return set(re.findall(r"\b(left|right)(?:wards?)?\b", without_angles))


def both_sides_of_the_mirror() -> list[str]:
    return [*CAPTIONS, *(mirror_words(caption) for caption in CAPTIONS)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_caption_has_enough_other_words(kind):
    too_few = {
        caption: len(variants(caption)) - 1
        for caption in known_captions()[kind]
        if len(variants(caption)) - 1 < FEWEST[kind]
    }
    assert too_few == {}


def test_the_caption_lists_are_those_of_the_motion_sets():
    counts = {kind: len(set(captions)) for kind, captions in known_captions().items()}
    assert counts == {"motion": 215, "trial": 585}


def test_the_sentence_itself_comes_first_and_nothing_comes_twice():
    for caption in both_sides_of_the_mirror():
        spoken = variants(caption)
        assert spoken[0] == caption
        assert len(set(spoken)) == len(spoken)


def test_a_variant_names_the_sides_of_its_source_and_no_other():
    wrong = [
        (caption, spoken)
        for caption in both_sides_of_the_mirror()
        for spoken in variants(caption)
        if sides(spoken) != sides(caption)
    ]
    assert wrong == []


SAYING = {  # words of which one has to be there where the caption has the fact
    "slow": "slow|hurr|dawdl|saunter|plod|decelerat|halt|trudg|snail|wear|tired|leisure|inch|sluggish|shuffl|measured"
    "|tortoise|turtle|mosey|funeral|rush|gradual|all the time|time in the world|plenty of time|takes her time|lumber"
    "|grandma|old lady|worn out|patien|loiter|snow|laz[yi]|potter|low gear|haste|no bus|meditation|ease|easing|toddl"
    "|solemn|dall[yi]|half speed|low[ -]|speed low|sleep|dream|gentl|reduc|pensive|drag|little by little|bit by bit"
    "|creep|gingerly|crawl|dodder|minimal|thoughtful|languid|los(?:e|es|ing) speed|brake|wind(?:s|ing)? down"
    "|peter out|slacken|dies away",
    "backward": "back|rear|revers|retreat|withdraw|reced|heel|away|rewind|posterior|retro|aft|behind|minus|negative"
    "|wrong way|ground|distanc|recoil|tail first|reclin",
    "both": "both|two|hands|fists|arms|bilateral|bimanual|barbell|palm|letter y|touchdown|stick 'em up|wing|statue"
    "|plane|goalkeeper|fingertip|Jesus|embrace|applause|clap|big hand|heart|box before|either hand|each side"
    "|on each side|double|feet together|jump stop|sledge",
    "crouch": "crouch|bent|low|hunker|squat|sneak|prowl|slink|stoop|duck|folded|knees|stealth|small|little|under"
    "|close to the ground|hunch|doubled over|legs|stealing|bob|knee bend|superhero|scrunch|cower|shrink|haunches|tuck"
    "|coil|sink|frog|huddl",
}


@pytest.mark.parametrize(("fact", "words"), SAYING.items(), ids=list(SAYING))
def test_a_fact_of_the_source_stays_in_every_variant(fact, words):
    lost = [
        (caption, spoken)
        for caption in CAPTIONS
        if re.search(rf"\b{fact}", caption)
        for spoken in variants(caption)
        if not re.search(words, spoken)
    ]
    assert lost == []


def test_no_variant_is_longer_than_a_prompt():
    assert [s for caption in CAPTIONS for s in variants(caption) if len(s.split()) > LONGEST] == []


def test_variants_are_plain_sentences_without_marks_or_stray_blanks():
    for caption in CAPTIONS:
        for spoken in variants(caption):
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ,'-]*[A-Za-z0-9]", spoken), spoken
            assert "  " not in spoken and " ," not in spoken


def test_the_mirror_image_of_a_caption_has_the_mirrored_variants():
    for caption in CAPTIONS:
        mirrored = {mirror_words(spoken) for spoken in variants(caption)}
        assert mirrored == set(variants(mirror_words(caption)))


def test_mirroring_twice_gives_every_sentence_back():
    for caption in CAPTIONS:
        for spoken in variants(caption):
            assert mirror_words(mirror_words(spoken)) == spoken


@pytest.mark.parametrize(
    ("sentence", "mirrored"),
    [
        ("a person turns left", "a person turns right"),
        ("Left kick, RIGHT punch", "Right kick, LEFT punch"),
        ("spin clockwise", "spin counterclockwise"),
        ("Counterclockwise turn", "Clockwise turn"),
        ("turn anti-clockwise", "turn clockwise"),
        ("turn counter-clockwise", "turn clockwise"),
        ("the left-hand side, leftwards", "the right-hand side, rightwards"),
        ("turns left at a right angle", "turns right at a right angle"),
        ("stands upright with the leftover cake", "stands upright with the leftover cake"),
        ("the rightful owner is all right", "the rightful owner is all right"),
        ("the left arm up, then the right arm", "the right arm up, then the left arm"),
    ],
)
def test_mirroring_exchanges_sides_and_nothing_else(sentence, mirrored):
    assert mirror_words(sentence) == mirrored


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a person walks forward", {"walk forward", "walking forward"}),
        ("someone throws a right punch", {"punch with the right hand", "right punch"}),
        ("the person jogs forward", {"trot along", "jogs ahead"}),
        ("a person sits on the floor", {"be seated on the floor"}),
    ],
)
def test_short_prompts_are_among_the_variants(caption, expected):
    assert expected <= set(variants(caption))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("the person sidesteps right", "sidestepping right"),
        ("a person lies on the floor", "lying"),
        ("someone squats down", "squatting"),
        ("a person punches with the left hand", "punches"),
        ("someone leaps forward", "jumps forward"),
    ],
)
def test_verbs_are_inflected_as_english_has_it(caption, expected):
    assert any(expected in spoken for spoken in variants(caption))


def test_the_dancer_stays_a_dancer():
    for caption in CAPTIONS:
        if caption.startswith("the dancer"):
            assert all("danc" in spoken for spoken in variants(caption))


def test_a_sentence_of_ones_own_is_returned_alone():
    assert variants("a person juggles three torches") == ("a person juggles three torches",)
