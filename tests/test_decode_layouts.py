import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.decode.layouts import LOOSE, Layout
from trio_ship.decode.looks import Sieve
from trio_ship.decode.shapes import shape_of
from trio_ship.decode.stamps import frame
from trio_ship.decode.table import LAYOUTS, layout_named
from trio_ship.decode.words import MAX_WIDTH
from trio_ship.reader.arena import SLACK


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_row_of_the_table_reads_its_own_example(layout: Layout) -> None:
    """Each layout matches its example whole, and its shape gives the moment it is."""
    example = layout.example.encode()
    found = layout.match(example)
    assert found is not None
    variant, width = found
    assert width == len(example)
    shape = shape_of(layout, variant)
    value, ok = shape.decode(*frame(example))
    assert (value.tolist(), ok.tolist()) == ([layout.example_ns], [True])
    assert shape.width == width or not LOOSE.keys().isdisjoint(layout.fields)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_digit_behind_a_stamp_makes_it_none(layout: Layout) -> None:
    """A stamp that ends in a digit is none when a further digit follows."""
    text = layout.example.encode() + b"0" * 9
    if layout.example[-1].isdigit() and "." not in layout.example:
        assert layout.match(text) is None


def test_names_of_layouts_are_unique_and_unknown_ones_refused() -> None:
    """A name leads to one layout or to an error that lists the names."""
    names = [layout.name for layout in LAYOUTS]
    assert sorted(set(names)) == sorted(names)
    assert [layout_named(name) for name in names] == list(LAYOUTS)
    with pytest.raises(ValueError, match=r"iso8601.*clf"):
        layout_named("isso8601")


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        (b"2024-02-03T04:05:06 x", "T"),
        (b"2024-02-03 04:05:06,7 x", " ,1"),
        (b"2024-02-03 04:05:06.123456789Z", " .9Z"),
        (b"2024-02-03T04:05:06+02", "T+hh"),
        (b"2024-02-03T04:05:06.1-0230", "T.1+hhmm"),
        (b"2024-02-03T04:05:06 +02:30 x", "T +hh:mm"),
        (b"2024-02-03T04:05:06 - x", "T"),
        (b"2024-02-03T04:05:06 -12 x", "T"),
    ],
)
def test_a_variant_says_what_a_stamp_has_chosen(text: bytes, variant: str) -> None:
    """Separator, digits of the fraction and form of the offset make the variant."""
    layout = layout_named("iso8601")
    found = layout.match(text)
    assert found is not None
    assert found[0] == variant
    assert shape_of(layout, variant).width == found[1]


@pytest.mark.parametrize(
    ("rest", "ends"),
    [
        (b",001234567890,TRAFFIC", True),
        (b",1234567890", True),
        (b",123456789", False),
        (b",123456789 x", False),
        (b",12345678x0", False),
        (b",x", True),
    ],
)
def test_a_number_of_a_list_is_no_fraction(rest: bytes, *, ends: bool) -> None:
    """What has more digits than any fraction is the next value, and the stamp ends before it."""
    text = b"2026/11/23 08:00:00" + rest
    layout = layout_named("ymd")
    found = layout.match(text)
    assert found is not None
    assert (found == ("// ", 19)) == ends
    assert shape_of(layout, "// ").decode(*frame(text))[1].tolist() == [ends]


@given(
    st.lists(st.from_regex(rb",[0-9]{0,12}[-,;/:x ]?[0-9]{0,2}[-:/]?[0-9]?", fullmatch=True)),
    st.sampled_from(["2026/11/23 08:00:00", "2026-11-23 08:00:00"]),
)
def test_what_is_taken_for_a_list_is_one_to_the_pattern(rests: list[bytes], stamp: str) -> None:
    """Many rests at once are told apart as one by one; of doubtful ones each is asked about."""
    lines = [stamp.encode() + rest + b"\n" for rest in rests] + [stamp.encode() + b"\n"]
    layout = layout_named("ymd" if "/" in stamp else "iso8601")
    plain = layout.match(stamp.encode())
    assert plain is not None
    is_taken = shape_of(layout, plain[0]).decode(*frame(b"".join(lines)))[1]
    assert is_taken[-1]
    for line, taken in zip(lines, is_taken.tolist(), strict=True):
        assert not taken or layout.match(line) == plain


@pytest.mark.parametrize("variant", ["", "x", "T.", "T.10", "T.3ZZ", "T+h", "T/../"])
def test_a_variant_that_no_stamp_can_have_is_refused(variant: str) -> None:
    """A damaged spelling is an error, never a guess."""
    with pytest.raises(ValueError, match="iso8601"):
        shape_of(layout_named("iso8601"), variant)


def test_no_stamp_is_longer_than_the_slack_behind_an_arena() -> None:
    """The longest variant of every layout can be gathered at the arena's end."""
    longest = {
        "%f": ".9",
        "%p": "\u202fp.",
        "%P": "\u202fp.",
        "%z": " +hh:mm",
        "%B": "B9",
        "%Z": "ZZZZ",
    }
    for layout in LAYOUTS:
        chosen = [
            max(layout.alternatives(field), key=len) if field[0] == "{" else longest.get(field, "")
            for field in layout.fields
        ]
        width = shape_of(layout, "".join(chosen)).width
        assert width <= MAX_WIDTH
        # Four bytes behind it tell whether it ends there.
        assert width + 4 <= SLACK


def test_a_sieve_holds_any_number_of_layouts() -> None:
    """Another row of the table is never one too many."""
    sieve = Sieve(LAYOUTS * 2)
    for layout in LAYOUTS:
        arena, start, end = frame(f"{layout.example}        \n".encode())
        kept = [found for found, rows in sieve.split(arena, start, end) if rows.tolist() == [0]]
        assert kept.count(layout) == 2
        assert kept[: len(kept) // 2] == kept[len(kept) // 2 :]
