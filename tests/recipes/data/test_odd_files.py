"""Files that a review made up to be misread: each is read right, or refused with the cure."""

import gzip
import threading
import time
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from recipes.data.dates import read_times
from recipes.data.dialect import Dialect
from recipes.data.encodings import find_encoding
from recipes.data.files import open_table
from recipes.errors import UserError


@pytest.fixture
def table(tmp_path):
    def table(content, name="t.csv", before=None, **dialect):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_table(path, Dialect(**dialect), before)

    return table


def read(*texts, **arguments):
    return read_times(pd.Series(list(texts), name="when"), "t.csv", **arguments)


# Limits


@pytest.mark.parametrize(
    "cell",
    [
        " " * 5000 + "x",
        "1" * 60_000 + "x",
        "-" * 60_000 + "x",
        "1,234" * 9000,
        "total" + "a" * 60_000 + " b c",
    ],
)
def test_a_long_cell_takes_no_longer_than_its_length(table, cell):
    began = time.process_time()  # to try all ways to cut it up took years
    assert len(table("a;b\n" + "\n".join(f"{cell};{n}" for n in range(6)))) == 6
    assert time.process_time() - began < 5


def test_an_encoding_is_found_out_in_the_time_of_the_length():
    began = time.process_time()
    text = "a" * 200_000 + " café, Größe"
    assert find_encoding(text.encode("cp1252"), "x") == "cp1252"
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'""', "rows below the header"),
        (b",,", "rows below the header"),
        (b"\xff\xfe", "Received: nothing"),
        (b"\x1f\x8b", "cannot be read"),
        (b"PK\x03\x04", "cannot be read"),
        (b'{"a":' * 9999, "recursion"),
        (b"x" * (1 << 19), "no line that ends within 262,144 bytes"),
    ],
)
def test_what_is_no_table_is_refused_in_one_message(table, content, message):
    with pytest.raises(UserError, match=message):
        table(content)


def test_threads_have_let_go_of_what_was_read(table, monkeypatch):
    """One that does at the end of the program needs the interpreter, and aborts (status 134)."""
    read, held = pa.csv.read_csv, []

    def keeping(source, *options):
        held.append(source)
        threading.Timer(0.05, held.clear).start()
        return read(source, *options)

    monkeypatch.setattr(pa.csv, "read_csv", keeping)
    assert len(table(b"a,b\n1,2\n3,4\n")) == 2
    assert not held


@pytest.mark.parametrize("most", ["1e6", "600000"])
def test_a_long_line_is_read_where_the_limit_is_raised(table, monkeypatch, most):
    content = b"x" * (1 << 19) + b",b\n1,2\n3,4\n"
    with pytest.raises(UserError, match=r"set ZOO_MAX_LINE"):
        table(content)
    monkeypatch.setenv("ZOO_MAX_LINE", most)
    assert len(table(content)) == 2


def test_a_limit_that_is_no_number_is_said(table, monkeypatch):
    monkeypatch.setenv("ZOO_MAX_LINE", "many")
    with pytest.raises(UserError, match=r"variable ZOO_MAX_LINE: it is damaged .*'many'"):
        table(b"a,b\n1,2\n")


def test_the_memory_to_use_has_a_limit(table, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_MAX_MEMORY", "1e4")
    with pytest.raises(UserError, match=r"there are 0\.0 GB"):
        table(b"a,b\n" + b"1,2\n" * 9999)


def test_archives_that_unpack_to_more_than_memory_are_refused(table, tmp_path, monkeypatch):
    text = "a,b\n" + "1,2\n" * (1 << 24)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    monkeypatch.setattr("recipes.data.memory.memory", lambda: 20_000_000)
    with pytest.raises(UserError, match="too large to be read"):
        table((tmp_path / "bomb.zip").read_bytes())
    with pytest.raises(UserError, match="unpacks to more"):
        table(gzip.compress(text.encode(), 1))


# Rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_short_rows_are_completed_whatever_ends_a_line(table, end):
    text = end.join(["a,b,c", "1,2,x", "3,4,y", "5,6", "7,8,z", ""])
    found = table(text)
    assert len(found) == 4
    assert found.column("a").tolist() == [1, 3, 5, 7]
    assert found.column("c").tolist() == ["x", "y", None, "z"]


def test_a_short_row_of_several_lines_is_refused(table):
    with pytest.raises(UserError, match="fewer in one over several lines"):
        table('a,b,c\n"x\ny",2\n3,4,5\n6,7,8\n')


def test_a_last_line_of_something_else_names_what_came(table):
    found = table("a,b\n" + "1,2\n" * 300 + "end of file\n")
    assert len(found) == 301
    with pytest.raises(UserError, match=r"Received: 'end of file' in row 301"):
        found.numbers("a")


def test_long_cells_and_zero_bytes(table):
    found = table("text,y\n" + "x" * 3_000_000 + ",1\nb,2\n")
    assert [len(text) for text in found.texts("text")] == [3_000_000, 1]
    with pytest.raises(UserError, match="bytes that no text has"):
        table(b"a,b\n" + b"1,2\n" * 80_000 + b"3,\x00\n")


# Quotes


def test_quotes_in_files_of_tabs(table):
    rows = [("pos", "text 1"), ("neg", 'say "no"')]
    text = pd.DataFrame(rows, columns=["label", "text"]).to_csv(sep="\t", index=False, quoting=1)
    found = table(text)
    assert found.names == ["label", "text"]
    assert found.texts("text").tolist() == ["text 1", 'say "no"']
    assert table('label\ttext\na\tone "two"\nb\t"three\n').texts("text")[1] == '"three'


def test_lines_that_stand_in_quotes_as_a_whole_are_refused(table):
    with pytest.raises(UserError, match="in quotes as a whole"):
        table('"a,b"\n"1,2"\n"3,4"\n')


# Numbers


def test_a_mark_of_a_missing_value_may_be_a_number(table, tmp_path):
    found = table("v,w\n-999,1.5\n2,-999\n", missing_values=["-999"])
    assert found.column("v").isna().tolist() == [True, False]
    assert found.column("w").isna().tolist() == [False, True]
    pd.DataFrame({"v": [-999, 2]}).to_parquet(tmp_path / "t.parquet")
    parquet = open_table(tmp_path / "t.parquet", Dialect(missing_values=["-999"]))
    assert parquet.column("v").isna().tolist() == [True, False]


def test_another_column_overrules_a_likely_format(table):
    found = table("p;q\n1.234;0.98\n2.345;768.46\n38;37.55\n")
    assert found.column("p").tolist() == [1.234, 2.345, 38]
    found = table("p;q\n547,418;550,98\n868,948;768,46\n538;37,5\n")
    assert found.column("p").tolist() == [547.418, 868.948, 538]


@pytest.mark.parametrize("digits", [17, 18, 19, 25])
def test_long_ids_stay_different(table, digits):
    ids = [str(10 ** (digits - 1) + n) for n in range(3)]
    assert table("id,y\n" + "".join(f"{i},1.5\n" for i in ids)).column("id").tolist() == ids
    lines = "".join(f'{{"id": {i}, "y": 1}}\n' for i in ids) + '{"y": 2}\n'
    assert table(lines, "t.jsonl").labels("id").tolist() == [*ids, None]


def test_units_are_not_guessed(table):
    with pytest.raises(UserError, match="numbers with a unit, such as '5 kg'"):
        table("x\n" + "".join(f"{n} kg\n" for n in range(5, 30))).column("x")
    with pytest.raises(UserError, match=r"--missing_values 'ND'"):
        table("x\n" + "1.5\n2.25\n3.75\nND\n" * 10).column("x")
    assert table("x,y\n10.50 EUR,1\n12 EUR,2\n").column("x").tolist() == [10.5, 12]
    first = table("x,y\n12.5%,1\n14%,2\n")
    first.column("x")
    with pytest.raises(UserError, match="different units"):
        table("x,y\n0.125,1\n0.14,2\n", before=first.decided).column("x")


def test_codes_with_spaces_and_columns_with_spaces(table):
    assert table("c,y\n030 123 456,1\n030 999 111,2\n").column("c")[0] == "030 123 456"
    with pytest.raises(UserError, match="--separator space"):
        table("v w\n100 200\n101 201\n102 202\n")
    assert table("v w\n100 200\n101 201\n", separator="space").column("w").tolist() == [200, 201]


# Encodings


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("schön", "mac_roman"), ("café", "cp850"), ("là", "cp850"), ("Łódź", "iso8859_2"),
     ("Temp (°C)", "mac_roman")],
)  # fmt: skip
def test_other_western_encodings_are_never_taken_for_windows(text, encoding):
    with pytest.raises(UserError, match=f"--encoding {encoding} reads"):
        find_encoding(text.encode(encoding), "t.csv")


@pytest.mark.parametrize("text", ["it’s “good”", "10°C;Größe", "¡Hola! niño", "5 €"])  # noqa: RUF001
def test_signs_of_windows(text):
    assert find_encoding(text.encode("cp1252"), "t.csv") == "cp1252"


def test_a_broken_byte_in_utf8_is_named():
    with pytest.raises(UserError, match="UTF-8 but for the byte 0xff in line 4: it is damaged"):
        find_encoding("Größe;Straße\n".encode() * 3 + b"a\xff\n", "t.csv")


# Files that were made up by chance and misread


def test_empty_lines_at_the_end_are_no_rows_of_one_column(table):
    assert table("a\nx\n\ny\n\n\n").column("a").tolist() == ["x", None, "y"]


@pytest.mark.parametrize("close", ["", ";"])
def test_spaces_before_quotes_whatever_stands_in_them(table, close):
    rows = [f'"n{n}"; "1;5 and;"; "+{n},5"; "a; b"{close}' for n in range(9)]
    found = table("\n".join([f'"k"; "t"; "x"; "z"{close}', *rows]))
    assert found.names[:4] == ["k", "t", "x", "z"]
    assert found.column("x").tolist() == [n + 0.5 for n in range(9)]
    assert {*found.column("t")} == {"1;5 and;"}


def test_lines_may_end_in_several_ways(table):
    found = table("a,b\r1,x\r2,y\n3,z\r\n4,w\r")
    assert found.column("a").tolist() == [1, 2, 3, 4]
    assert found.column("b").tolist() == ["x", "y", "z", "w"]


def test_a_comma_in_a_name_and_in_numbers_separates_nothing_in_silence(table):
    found = table("City;Date;Price, EUR\nRome;2024-01-05;1,5\nOslo;2024-01-06;2,5\n")
    assert found.decided["separator"] == ";"
    assert found.column("Price, EUR").tolist() == [1.5, 2.5]
    with pytest.raises(UserError, match=r"Say which: --separator"):
        table("City;Kind;Name;Price, EUR\nRome;a;b;1,5\nOslo;c;d;2,5\n")


def test_a_title_above_the_header_is_left_out(table):
    rows = [f'+0,{n};"2{n}.3.2003 15:31";"red";"Blue"' for n in range(5)]
    found = table("\n".join(["Report 0", '"a";"b";"c";"d"', *rows]))
    assert found.names == ["a", "b", "c", "d"]


def test_commas_in_the_only_column_separate_nothing_in_silence(table):
    for cells in (
        ["January 8, 2011T10:27", '""', "March 2, 2014T05:16"],
        ["Hi, you", "so", "a, b"],
    ):
        with pytest.raises(UserError, match="as many cells in the rows"):
            table("\n".join(["when", *cells * 3]))
    with pytest.raises(UserError, match="two ways"):
        table("t;x\n" + "a;3,900e-01\nb;4,250e-01\n" * 5).column("x")


def test_a_few_numbers_among_words_refuse_no_table(table):
    words = [*["good"] * 9, "1.016", "1,5", "1.5", "2.001"]
    found = table("\n".join(["t;x", *(f"{word};{n}" for n, word in enumerate(words))]))
    assert found.column("t").tolist() == words
    assert found.is_text("t")


def test_digits_of_other_scripts_are_no_step_numbers():
    with pytest.raises(UserError, match="Expected dates"):
        read("1", "2", "\u0663", "4", "x")


@pytest.mark.parametrize(
    ("whole", "row", "value"),
    [
        ("(12.50)\n7.25\n3-", "7.25", 7.25),
        ("1.125 €\n22.5 €\n7 €", "1.125 €", 1.125),
        ("1.125\n22.5\n7", "1.125", 1.125),
        ("1.016\n2.345.678\n7", "1.016", 1016),
        ("1,5\n1.016,5\n7", "22.5", 22.5),
        ("5 €\n6 €\n7 €", "n/a", np.nan),
    ],
)
def test_one_row_is_read_as_the_table_of_the_run(table, whole, row, value):
    lines = [f"{line};x" for line in whole.split("\n")]
    first = table("\n".join(["a;b", *lines]))
    first.column("a")
    found = table(f"a;b\n{row};x\n", before=first.decided).numbers("a")
    np.testing.assert_array_equal(found, [value])
    with pytest.raises(UserError, match="different units"):
        table("a;b\n$5;x\n", before=first.decided).numbers("a")


def test_times_of_the_day_without_a_zone_are_not_those_with_one(table):
    first = table("t,x\n2024-01-01T05:00+02:00,1\n2024-01-02T05:00+02:00,2\n")
    first.times("t")
    midnight = table("t,x\n2024-01-05T00:00+02:00,1\n", before=first.decided)
    assert midnight.times("t").values[0] == np.datetime64("2024-01-04T22:00")
    with pytest.raises(UserError, match="Expected dates with their distance to UTC"):
        table("t,x\n2024-01-05 05:00,1\n", before=first.decided).times("t")


def test_workbooks(tmp_path):
    path = tmp_path / "t.xlsx"
    pd.DataFrame({"x": [1.5, None, 2.5]}).to_excel(path, index=False)
    assert len(open_table(path)) == 3
    pd.DataFrame({"x": [1.5, None, 2.5], "y": [1, None, 2]}).to_excel(path, index=False)
    assert open_table(path).notes[1:] == ("1 empty rows left out",)
    pd.DataFrame({"x": ["=1+2", "a"], "y": [1, 2]}).to_excel(path, index=False)
    assert "1 formulas were never calculated" in " ".join(open_table(path).notes)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b"<row", b"<\xff", 1))
    with pytest.raises(UserError, match="it is damaged"):
        open_table(path)


# Times


def test_days_with_a_zone_stay_the_days_that_are_written():
    found = read("2023-01-01T00:00:00+01:00", "2023-02-01T00:00:00+01:00")
    assert found.values.tolist() == np.array(["2023-01-01", "2023-02-01"], "M8[us]").tolist()
    assert not found.zone
    frame = pd.Series(pd.to_datetime(["2023-01-01", "2023-02-01"]).tz_localize("Asia/Tokyo"))
    assert read_times(frame.rename("t"), "t.parquet").values[1] == np.datetime64("2023-02-01")


@pytest.mark.parametrize(
    "texts",
    [
        [f"{year}/{(year + 1) % 100:02d}" for year in range(2000, 2012)],
        [f"{day:02d}-Jan" for day in range(1, 32)],
        [f"Jan {day:02d}" for day in range(1, 32)],
        [f"{year}-{quarter}" for year in range(2020, 2024) for quarter in range(1, 5)],
    ],
    ids=["seasons", "days", "days behind", "quarters"],
)
def test_what_looks_like_months_and_is_not_is_refused(texts):
    with pytest.raises(UserError, match=r"--time none"):
        read(*texts)


def test_spellings_of_quarters_and_names_of_months():
    for text in ("1Q2021", "Q1-21", "Q1'21", "2021:Q1", "2021M01", "January 2021", "Sept 2021"):
        expected = "2021-09-01" if "Sept" in text else "2021-01-01"
        assert read(text).values[0] == np.datetime64(expected)
    with pytest.raises(UserError):
        read("Marraskuu 2001")


def test_a_format_reads_digits():
    found = read_times(pd.Series([1022024, 2022024], name="d"), "t.csv", date_format="%d%m%Y")
    assert found.values.tolist() == np.array(["2024-02-01", "2024-02-02"], "M8[us]").tolist()
    with pytest.raises(UserError, match="--date_format %Q"):
        read("1/2", date_format="%Q/%m")


# Other


def test_what_spreadsheets_put_in_front(table):
    assert table("sep=;\na;b\n1,5;x\n2,5;y\n").column("a").tolist() == [1.5, 2.5]
    found = table("Sales report,,\n,,\nstore,place,sales\nA,x,1.5\nB,y,2.5\n")
    assert found.names == ["store", "place", "sales"]


def test_json_with_a_mark_and_as_a_list(table):
    assert table(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n').column("a").tolist() == [1, 2]
    assert table('[{"a": 1}, {"a": 2}]').column("a").tolist() == [1, 2]


def test_a_list_among_dates_is_refused(table):
    rows = [f'{{"d": "2024-01-{day}"}}' for day in range(10, 20)]
    with pytest.raises(UserError, match=r"Received: '\[\]' in row 11"):
        table("\n".join([*rows, '{"d": []}'])).column("d")


def test_broken_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", "a,b\n1,2\n")
    whole = (tmp_path / "t.zip").read_bytes()
    (tmp_path / "t.zip").write_bytes(whole[:-30])
    with pytest.raises(UserError, match="It cannot be read"):
        open_table(tmp_path / "t.zip")


# Files as strangers bring them


def test_a_first_row_of_whole_numbers_is_no_header_in_silence(table):
    for text in ("5,0\n6,3\n7,6\n5,9\n", "0,1,2\n3,4,5\n0,1,2\n"):
        with pytest.raises(UserError, match="looks like the rows below it"):
            table(text)
        assert len(table(text, header="none")) == text.count("\n")
    assert table("2020,2021\n5,3\n6,4\n7,5\n").names == ["2020", "2021"]


def test_dates_above_numbers_are_names(table):
    text = "city;05.01.24;06.01.24;07.01.2024\n" + "".join(f"c{n};{n},5;2,5;3,5\n" for n in "123")
    assert table(text).names[1:] == ["05.01.24", "06.01.24", "07.01.2024"]


@pytest.mark.parametrize("word", ["Total", "Grand total:", "Summe 2024", "Gesamtsumme", "合計"])
def test_a_last_row_with_the_sum_of_the_others_is_left_out(table, word):
    rows = "".join(f"s{n % 4};{n},5;{n}\n" for n in range(9))
    found = table(f"shop;size;n\n{rows}{word};40,5;\n")
    assert (len(found), found.column("size").sum()) == (9, 40.5)
    assert any(f"last row left out, a total: '{word}" in note for note in found.notes)
    assert len(table(f"shop;size;n\n{rows}{word};1,75;\n")) == 10  # a shop of that name
    review = "".join(f"so good {n};0\n" for n in range(8))
    assert len(table(f"text;label\nfine;1\n{review}Total waste of money;1\n")) == 10


def test_numbers_beside_unusual_spaces_and_signs(table):
    cells = {"1 234,50\u00a0€": 1234.5, "R$\u00a07,25": 7.25, "- 3,5": -3.5, "12,5\u202f%": 12.5}
    for cell, value in cells.items():
        assert table(f"x;y\n{cell};1\n{cell};2\n").column("x").tolist() == [value] * 2
    assert table("x;y\n1000,-;1\n20,--;2\n").column("x").tolist() == [1000, 20]
    assert table("x\ty\n1.5\ta\n\\N\tb\n..\tc\n").column("x").isna().tolist() == [False, True, True]


def test_spaces_around_quotes_stay_within_them(table):
    found = table('a, "b", "c"\n1, "x, ""y"" ,", "p , "\n2, "z", "q"\n')
    assert found.column("b").tolist() == ['x, "y" ,', "z"]
    assert found.column("c").tolist() == ["p ,", "q"]
    assert found.column("a").tolist() == [1, 2]


def test_a_hidden_sheet_is_not_the_first(tmp_path):
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"old": [1, 2]}).to_excel(book, sheet_name="Old", index=False)
        pd.DataFrame({"new": [3, 4, 5]}).to_excel(book, sheet_name="Data", index=False)
        book.sheets["Old"].sheet_state = "hidden"
    assert open_table(tmp_path / "t.xlsx").names == ["new"]
    assert open_table(tmp_path / "t.xlsx", Dialect(sheet="Old")).names == ["old"]


# Numbers that stand for missing ones


@pytest.mark.parametrize(
    ("mark", "text"), [("-999", "-999"), ("-999", "-999.0"), ("9999", "9999"), ("-99", "-99,00")]
)
def test_a_number_far_from_all_others_is_named_with_the_flag(table, mark, text):
    values = ["1,5" if "," in text else "1.5", text, "3", text, "4"]
    content = "a,b\n" + "".join(
        f'"{v}",{n}\n' if "," in v else f"{v},{n}\n" for n, v in enumerate(values)
    )
    found = table(content)
    assert np.isfinite(found.numbers("a")).all()
    (note,) = [note for note in found.notes if "lies far from all other values" in note]
    assert note.startswith(f"a: {mark}, in 2 rows")
    assert note.endswith(f"--missing_values={mark}")
    again = table(content, missing_values=[mark])
    np.testing.assert_array_equal(again.numbers("a"), [1.5, np.nan, 3, np.nan, 4])
    assert not any("lies far" in note for note in again.notes)


def test_so_are_whole_numbers_and_those_of_a_workbook(table, tmp_path):
    found = table("a,b\n" + "".join(f"{-999 if n % 4 == 0 else n},{n}\n" for n in range(20)))
    assert found.column("a").dtype == np.int64
    assert any("a: -999, in 5 rows" in note for note in found.notes)
    path = tmp_path / "t.xlsx"
    pd.DataFrame({"a": [1.5, 999, 3, 999, 4], "b": range(5)}).to_excel(path, index=False)
    found = open_table(path, Dialect(), None)
    found.numbers("a")
    assert any("a: 999, in 2 rows" in note for note in found.notes)


@pytest.mark.parametrize("values", ["99,98,97,99", "-999,1,2,3", "1000,1,2,1000", "999,999,999"])
def test_numbers_like_the_others_or_of_one_row_are_not(table, values):
    found = table("a,b\n" + "".join(f"{value},1\n" for value in values.split(",")))
    found.numbers("a")
    assert not any("lies far" in note for note in found.notes)


# Lines that are no rows


def test_headers_that_come_again_are_left_out(table):
    part = "".join(f"s{n % 3},{n}.5\n" for n in range(30))
    for end in ("\n", "\r\n"):
        text = f"shop,size\n{part}shop,size\n{part}\nshop,size\n{part}".replace("\n", end)
        found = table(text)
        assert found.column("size").tolist() == [n + 0.5 for n in range(30)] * 3
        assert any("2 lines left out: the header again" in note for note in found.notes)
    texts = "".join(f"a film {n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
    assert {*table(f"text,label\n{texts}text,label\n{texts}").labels("label")} == {"good", "bad"}


def test_a_text_that_equals_the_only_name_is_a_row(table):
    assert len(table("a b|\na b|\nc d|\na b|\n")) == 3


UNITS = {
    "units": "at,height,width\n,cm,m\n",
    "in brackets": "at,height,width\n[-],[cm],[m]\n",
    "rule": "at,height,width\n---,------,-----\n",
}


@pytest.mark.parametrize("head", UNITS.values(), ids=UNITS)
def test_a_second_row_of_a_header_is_left_out(table, tmp_path, head):
    rows = [f"2024-01-{n:02},{n}.5,{n}.25" for n in range(1, 9)]
    found = table(head + "\n".join(rows))
    assert found.column("height").tolist() == [n + 0.5 for n in range(1, 9)]
    assert any("row below the header left out" in note for note in found.notes)
    cells = [line.split(",") for line in (*head.split(), *rows)]
    cells = [[float(c) if c[-3:].count(".") else c for c in row] for row in cells]
    pd.DataFrame(cells).to_excel(tmp_path / "t.xlsx", header=False, index=False)
    assert len(open_table(tmp_path / "t.xlsx")) == 8
    first = "unknown,1.5\n" + "".join(f"{n}.5,{n}.25\n" for n in range(9))
    assert len(table("a,b\n" + first)) == 10


def test_what_psql_and_offices_write_below_the_rows(table):
    rows = "".join(f" s{n} | {n}.5\n" for n in range(9))
    found = table(f" shop | size \n------+------\n{rows}(9 rows)\n")
    assert (len(found), found.column("size").sum()) == (9, 40.5)
    texts = "".join(f"{'good' if n % 2 else 'bad'},a film {n}\n" for n in range(20))
    found = table(f"label,text\n{texts}\nSource: made up\n")
    assert {*found.labels("label")} == {"good", "bad"}
    assert any("left out at the end: 'Source: made up'" in note for note in found.notes)
    assert len(table(f"text,label\n{texts}\ngood,a film\n")) == 21


def test_a_header_may_have_one_name_too_few(table):
    rows = [f'"{n}","s{n % 3}",{n}.5' for n in range(1, 9)]
    found = table('"shop","size"\n' + "\n".join(rows))  # as R's write.table
    assert found.names == ["Unnamed: 0", "shop", "size"]
    found = table("shop;size\n" + "".join(f"s{n};{n},5;\n" for n in range(9)))
    assert found.column("size").sum() == 40.5
    with pytest.raises(UserError, match="fewer cells than the rows"):
        table("t,y\n1,2,5\n2,3,5\n3,4,5\n")  # decimal commas


def test_titles_and_decimal_commas_of_a_single_column(table):
    rows = "".join(f"2024-01-{n:02},{n}.5\n" for n in range(1, 9))
    found = table(f"Sales of all shops\ndate,sales\n{rows}")
    assert found.names == ["date", "sales"]
    assert table("Wert\n3,5\n1,25\n7,0\n").column("Wert").tolist() == [3.5, 1.25, 7.0]
    for head, cure in (("Wert\n", "--separator"), ("", '--separator ";" --header none')):
        text = head + "1,5\n2,7\n3,1\n"  # numbered rows, or decimal commas
        with pytest.raises(UserError, match=cure):
            table(text)
        found = table(text, separator=";", header=None if head else "none")
        assert found.column(found.names[0]).tolist() == [1.5, 2.7, 3.1]


def test_texts_that_spreadsheets_are_told_to_keep(table):
    found = table('code,size\n="0012",1.5\n="0034",="2.5"\n')
    assert found.column("code").tolist() == ["0012", "0034"]
    assert found.column("size").tolist() == [1.5, 2.5]
