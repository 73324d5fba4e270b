"""Text that names a function: read without being run, told in one line where it is wrong, and read back as it was."""

import string
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adversary.goal import GOALS, read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS
from assay.spec import Call, Count, Positive, number, parse, read
from assay.user_code import from_file

often = settings(max_examples=150, deadline=None)
ran = []


def paint(
    canvas,
    *,
    coats: Count = 1,
    width: Positive | None = None,
    colour: str = "red",
    dry: bool = True,
    mode: Literal["thick", "thin"] = "thin",
):
    """Something with a setting of every type."""


def boom(*arguments):
    ran.append(arguments)


KNOWN = {"paint": paint, "boom": boom, "fashion-paint": paint}
READERS = {
    "read": lambda text: read(text, KNOWN, "brush"),
    "attack": lambda text: read(text, ATTACKS, "attack"),
    "goal": read_goal,
    "threat": read_threat,
    "parse": parse,
    "number": lambda text: number(text, "eps"),
    "from_file": lambda text: from_file(text, "model"),
}
NONSENSE = [
    "",
    " ",
    "\n",
    "\0",
    "\ud800",
    "paint(",
    "paint)",
    "paint()()",
    "paint(coats)",
    "paint(coats=)",
    "paint(coats=8/0)",
    "paint(width=1e400)",
    "paint(width=-1e400)",
    "paint(width=nan)",
    "paint(width=inf)",
    "paint(width=1e308/1e-308)",
    "1e308/1e-308",
    "paint(width=True/2)",
    "paint(width=None/2)",
    "paint(width='8'/255)",
    "paint(width=1j)",
    "paint(coats=1.0)",
    "paint(coats=0)",
    "paint(coats=True)",
    "paint(width=-0.1)",
    "paint(dry=1)",
    "paint(mode='wet')",
    "paint(colour=b'red')",
    "paint(coats=" + "9" * 5000 + ")",
    "paint(coats=" + "9" * 900 + ")",
    "paint(coats=1, coats=2)",
    "paint(1, coats=2)",
    "paint(1, 2, 'red', True, 'thin', 6)",
    "paint(**{'coats': 1})",
    "paint(*[1])",
    "paint(colour=f'{boom()}')",
    "paint(colour='{}'.format(boom()))",
    "paint(coats=boom())",
    "paint(coats=(boom() or 1))",
    "paint(coats=[boom()])",
    "paint(coats=[x for x in boom()])",
    "paint(coats=lambda: boom())",
    "paint(coats=(y := boom()))",
    "paint(coats=2**9**9**9)",
    "paint(coats=1+1)",
    "(lambda: boom())()",
    "__import__('os').system('true')",
    "boom() or paint",
    "paint; boom()",
    "paint\nboom()",
    "paint(" + "(" * 500,
    "paint(coats=" + "[" * 150 + "]" * 150 + ")",
    "paint(coats=" + "-" * 900 + "1)",
    "paint(coats=" + "1/" * 490 + "1)",
    "not " * 200 + "paint",
    "a." * 480 + "b",
    "a-" * 480 + "b",
    "paint" * 1000,
    "x" * 300 + ".py:f",
    "\0.py:f",
    "nowhere.py:f",
    "nowhere.py",
    "paint('\\d')",
]


def one_line(error):
    lines = str(error).splitlines()
    return len(lines) == 1 and lines[0].strip()


@pytest.mark.parametrize("reader", sorted(READERS.keys() - {"parse"}))  # which does not know what settings there are
def test_nonsense_is_refused_in_one_line(reader):
    for text in NONSENSE:
        with pytest.raises(ValueError) as caught:
            READERS[reader](text)
        assert one_line(caught.value), f"{text[:80]!r}: {caught.value}"
    assert not ran, "text was run"


@pytest.mark.parametrize("reader", READERS)
@often
@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet="paintcoswdh(=,)/.-+*[]{}'\"\\ \n#:@0123456789e_", max_size=60),
        st.text(alphabet=string.printable, max_size=30).map(lambda inside: f"paint({inside})"),
        st.text(alphabet=string.printable, max_size=30).map(lambda inside: f"linf({inside})"),
    )
)
def test_any_text_is_read_or_refused_and_never_run(reader, text):
    told = "read"
    try:
        READERS[reader](text)
    except ValueError as error:
        told = error
    assert one_line(told)
    assert not ran


numbers = st.floats(0, 1e300).map(lambda value: value or 0.0)
given_settings = st.fixed_dictionaries(
    {},
    optional={
        "coats": st.integers(1, 10**18),
        "width": st.one_of(st.none(), numbers),
        "colour": st.text(max_size=40),
        "dry": st.booleans(),
        "mode": st.sampled_from(["thick", "thin"]),
    },
)


@often
@given(given_settings)
def test_text_of_a_call_reads_back_as_the_same_call(chosen):
    call = Call("paint", paint, chosen)
    assert read(str(call), KNOWN, "brush") == call
    assert str(read(str(call), KNOWN, "brush")) == str(call)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_reads_by_its_name_and_its_label(name):
    call = read(name, ATTACKS, "attack")
    assert (str(call), call.function) == (name, ATTACKS[name])


@pytest.mark.parametrize(
    "text", ["pgd(steps=50, step_size=0.1, restarts=2, random_start=False)", "pgd(step_size=None)"]
)
def test_every_setting_of_an_attack_can_be_given(text):
    assert str(read(text, ATTACKS, "attack")) == text


@often
@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_fraction_is_its_quotient(above, below):
    assert number(f"{above}/{below}", "eps") == above / below
    assert read(f"paint(width={above} / {below})", KNOWN, "brush").settings == {"width": above / below}
    assert read_threat(f"linf({above}/{below})").eps == above / below


@pytest.mark.parametrize(("text", "value"), [("-0.5", -0.5), ("+3", 3.0), ("-8/255", -8 / 255), (" 1e-3 ", 1e-3)])
def test_a_number_may_have_a_sign(text, value):
    assert number(text, "eps") == value


def test_a_name_may_have_a_dash():
    assert read("fashion-paint", KNOWN, "brush").function is paint


def test_settings_may_stand_in_order_without_names():
    assert read("paint(3, 0.5)", KNOWN, "brush").settings == {"coats": 3, "width": 0.5}
    assert read_goal("toward(3)").settings == {"target": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pant", "unknown brush 'pant'; there are paint, boom, fashion-paint; did you mean 'paint'?"),
        ("paint(coat=1)", "paint has no setting 'coat'; it has coats, width, colour, dry, mode; did you mean 'coats'?"),
        ("paint(coats=0)", "paint: coats must be at least 1, got 0"),
        ("paint(coats='a')", "paint: coats must be a whole number, got 'a'"),
        ("paint(width='a')", "paint: width must be a number or None, got 'a'"),
        ("paint(width=-1)", "paint: width must be at least 0, got -1"),
        ("paint(mode='wet')", "paint: mode must be 'thick' or 'thin', got 'wet'"),
        ("paint(dry=0)", "paint: dry must be True or False, got 0"),
        ("paint(width=8/0)", "cannot read brush 'paint(width=8/0)': division by zero"),
        ("boom(3)", "boom has 0 settings, got 1 values"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(text, message):
    with pytest.raises(ValueError) as caught:
        read(text, KNOWN, "brush")
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["\0", "\ud800", "paint("])
def test_what_python_cannot_parse_is_quoted(text):
    with pytest.raises(ValueError, match=r"^cannot read brush '.*': write name or "):
        read(text, KNOWN, "brush")
    with pytest.raises(ValueError, match=r"^eps '.*' is not a number: write "):
        number(text, "eps")


def test_text_of_more_than_a_thousand_characters_is_not_even_parsed():
    with pytest.raises(ValueError, match="1001 characters, at most 1000"):
        read("paint" + " " * 996, KNOWN, "brush")


def test_a_whole_number_is_made_the_type_of_its_setting():
    settings_ = read("paint(width=2)", KNOWN, "brush").settings
    assert settings_ == {"width": 2.0}
    assert type(settings_["width"]) is float


def test_a_setting_without_a_default_must_be_given():
    with pytest.raises(ValueError, match=r"toward needs target: write toward\(target=…\)"):
        read_goal("toward")


def test_every_goal_reads_by_its_name():
    assert {read_goal(name if name != "toward" else "toward(1)").name for name in GOALS} == set(GOALS)


def test_a_file_of_the_users_is_run_and_its_errors_are_told_in_one_line(tmp_path):
    (tmp_path / "good.py").write_text("def mine():\n    return 3\n")
    (tmp_path / "bad.py").write_text("raise RuntimeError('first line\\nsecond line')\n")
    assert from_file(f"{tmp_path}/good.py:mine", "model")() == 3
    with pytest.raises(ValueError, match="did you mean 'mine'"):
        from_file(f"{tmp_path}/good.py:mime", "model")
    with pytest.raises(ValueError, match="RuntimeError: first line second line") as caught:
        from_file(f"{tmp_path}/bad.py:mine", "model")
    assert one_line(caught.value)
