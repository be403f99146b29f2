"""The one reader of tables: files as people have them, read right or refused with the cure."""

import gzip
import json
import tempfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.dialect import Dialect
from recipes.data.encodings import find_encoding
from recipes.data.files import open_table
from recipes.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def values(table):
    return {name: table.column(name).tolist() for name in table.names}


# Encodings


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Datum;Stück\n1;2\n", "cp1252"),
        ("name;ville\nHélène;Besançon\ntrès;côté\n", "cp1252"),
        ("jméno;město\nPříliš žluťoučký kůň;Brno\n", "cp1250"),
        ("imię;miasto\nŁukasz;Łódź\n", "cp1250"),
        ("plain;text\nß;1\n", "utf-8"),
        ("a;b\nx;1\n", "utf-16"),
        ("a;b\nx;1\n", "utf-16-le"),
        ("a;b\nx;1\n", "utf-8-sig"),
    ],
)
def test_encodings_that_only_one_reading_fits(text, encoding):
    found = find_encoding(text.encode(encoding), "t.csv")
    assert text.encode(encoding).decode(found).removeprefix("\ufeff") == text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "shift_jis", "gb18030"])
def test_other_encodings_are_shown_and_the_flag_reads_them(encoding, write):
    text = {"cp1251": "имя,1", "koi8-r": "имя,1"}.get(encoding, "名前,1")
    path = write(f"key,value\n{text}\n", encoding=encoding)
    with pytest.raises(UserError, match=f"--encoding {encoding} reads '") as error:
        open_table(path)
    assert text.split(",")[0] in str(error.value)
    assert values(open_table(path, Dialect(encoding=encoding)))["key"] == [text.split(",")[0]]


def test_a_wrong_encoding_is_refused(write):
    path = write("a,b\nStück,1\n", encoding="cp1252")
    with pytest.raises(UserError, match=r"Leave --encoding out"):
        open_table(path, Dialect(encoding="utf-8"))
    with pytest.raises(UserError, match=r"no --encoding klingon"):
        open_table(path, Dialect(encoding="klingon"))


# Form

FORMS = {
    "commas": "a,b\n1,x\n2,y\n",
    "semicolons": "a;b\n1;x\n2;y\n",
    "tabs": "a\tb\n1\tx\n2\ty\n",
    "bars": "a|b\n1|x\n2|y\n",
    "spaces behind": 'a, b\n1, "x"\n2, "y"\n',
    "line ends of Windows": "a,b\r\n1,x\r\n2,y\r\n",
    "line ends of old Macs": "a,b\r1,x\r2,y\r",
    "no last line end": "a,b\n1,x\n2,y",
    "empty lines": "\n\na,b\n1,x\n\n2,y\n\n",
    "lines above": "Report of 2024\nmade by hand\n\na,b\n1,x\n2,y\n",
    "quotes": '"a","b"\n"1","x"\n"2","y"\n',
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_forms_of_files(text, write):
    assert values(open_table(write(text))) == {"a": [1, 2], "b": ["x", "y"]}


def test_packed_files(write, tmp_path):
    expected = {"a": [1, 2], "b": ["x", "y"]}
    text = FORMS["commas"].encode()
    assert values(open_table(write(gzip.compress(text), "t.csv.gz"))) == expected
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", text)
    assert values(open_table(tmp_path / "t.zip")) == expected


def test_what_was_decided_is_said(write):
    table = open_table(write("Report\nx;y\n1,5;Stück\n2,5;b\n", encoding="cp1252"))
    assert values(table) == {"x": [1.5, 2.5], "y": ["Stück", "b"]}
    said = " | ".join(table.notes)
    for words in ("2 rows", "encoding cp1252", "separator ';'", "1 line above", "like 1234,5"):
        assert words in said
    assert table.decided["encoding"] == "cp1252"
    assert table.decided["skip_rows"] == 1


def test_a_file_of_one_column(write):
    assert values(open_table(write("x\n1\n2\n"))) == {"x": [1, 2]}
    with pytest.raises(UserError, match=r'--separator ";"') as error:
        open_table(write("x\n1,5\n2,5\n"))
    assert "--skip_rows 1 --header none" in str(error.value)
    path = write("x\n1,5\n2,5\n")
    assert values(open_table(path, Dialect(separator=";"))) == {"x": [1.5, 2.5]}
    found = open_table(path, Dialect(skip_rows=1, header="none"))
    assert values(found) == {"column_1": [1, 2], "column_2": [5, 5]}


def test_two_separators_that_fit_are_refused(write):
    path = write("k;x,b;y\nm;x,w;y\nn;x,v;y\n" * 3)
    with pytest.raises(UserError, match=r"Say which: --separator") as error:
        open_table(path, Dialect(header="first"))
    for sign in (",", ";"):
        assert f'--separator "{sign}"' in str(error.value)
        assert len(open_table(path, Dialect(separator=sign, header="first")).names) > 1


NO_HEADER = {
    "decimals": "5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n",
    "dates": "2024-01-01,5\n2024-01-02,6\n2024-01-03,7\n",
    "labels": "".join(f"{['ham', 'spam'][n % 2]}\tmessage {n}\n" for n in range(30)),
    "whole numbers": "6,148,72\n1,85,66\n8,183,64\n",
}


@pytest.mark.parametrize("text", NO_HEADER.values(), ids=NO_HEADER)
def test_a_first_row_of_data_is_refused_and_both_cures_work(text, write):
    path = write(text)
    with pytest.raises(UserError, match=r"looks like the rows below it"):
        open_table(path)
    table = open_table(path, Dialect(header="none"))
    assert table.names[0] == "column_1"
    assert len(table) == text.count("\n")
    assert len(open_table(path, Dialect(header="first"))) == text.count("\n") - 1


@pytest.mark.parametrize(
    "header", ["country,1960,1961", "label,0,1", "0,1,2", "b,c,d", "a,GCS.13,b"]
)
def test_names_that_are_numbers_are_names(header, write):
    assert open_table(write(f"{header}\n1,2,3\n4,5,6\n7,8,10\n")).names == header.split(",")


def test_names_that_are_missing_or_repeated_are_numbered(write):
    table = open_table(write("size,,size,y\n1,2,3,4\n5,6,7,8\n"))
    assert table.names == ["size.1", "Unnamed: 1", "size.2", "y"]
    assert "2 columns are called size: read as size.1, size.2" in table.notes
    with pytest.raises(UserError, match=r"'size' \(--target\).*Did you mean 'size.[12]'"):
        table.require("size", "--target")


def test_a_name_that_holds_the_separator(write):
    path = write("a,size (cm, mean)\n1,x\n2,y\n3,z\n")
    with pytest.raises(UserError, match=r"Perhaps a name holds the separator"):
        open_table(path)
    assert len(open_table(path, Dialect(skip_rows=1, header="none"))) == 3


def test_a_separator_that_is_not_that_of_the_file_is_named(write):
    path = write("day;x\n1;1,5\n2;2,5\n3;3,5\n")
    with pytest.raises(UserError, match=r"With --separator ','.*Leave --separator out"):
        open_table(path, Dialect(separator=","))
    assert open_table(path).column("x").tolist() == [1.5, 2.5, 3.5]


def test_rows_of_other_lengths(write):
    with pytest.raises(UserError, match=r"Expected 2 cells in every row.*3 in 1 rows, such as '3,"):
        open_table(write("a,b\n1,2\n3,4,5\n6,7\n"))
    table = open_table(write("a,b\n1,2\n3\n4,5\n"))
    assert table.column("b").tolist()[::2] == [2, 5]
    assert np.isnan(table.column("b")[1])
    assert "1 row with fewer than 2 cells" in " ".join(table.notes)


def test_quotes_over_several_lines_and_quotes_that_never_close(write):
    table = open_table(write('label,text\nx,"one\ntwo"\ny,"say ""hi"""\n'))
    assert values(table) == {"label": ["x", "y"], "text": ["one\ntwo", 'say "hi"']}
    assert "2 rows on 3 lines" in " ".join(table.notes)
    table = open_table(write('label\ttext\nx\t"one\ny\ttwo\nx\tthree "quoted" here\n'))
    assert values(table)["text"] == ['"one', "two", 'three "quoted" here']
    with pytest.raises(UserError, match=r"A quote opens in line 3 of .* and does not close"):
        open_table(write('label,text\nx,1\ny,"one, two\nz,3\n'))


def test_files_that_are_no_tables(write, tmp_path):
    for content, message in (
        (b"", "which is empty"),
        (b"\n\n", "empty lines"),
        (b"a,b\n", "Expected rows below the header"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d", "."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Save it as .xlsx or CSV"),
    ):
        with pytest.raises(UserError, match=message):
            open_table(write(content))
    with pytest.raises(UserError, match="a folder"):
        open_table(tmp_path)
    with pytest.raises(UserError, match="nothing of that name"):
        open_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"separator": "::"}, "one sign"),
        ({"thousands": "x"}, "Expected --thousands"),
        ({"decimal": ",", "thousands": ","}, "Expected --thousands"),
        ({"decimal": ";"}, "Expected --decimal to be . or ,. Received: ';'"),
        ({"header": "last"}, "Expected --header to be first or none. Received: 'last'"),
        ({"skip_rows": -1}, "--skip_rows must be at least 0"),
        ({"skip_rows": 9}, "--skip_rows 9 leaves nothing"),
        ({"date_format": "dd/mm"}, "Expected --date_format"),
        ({"date_format": "%d", "day_first": True}, "not both"),
    ],
)
def test_flags_out_of_range_are_refused(wrong, message, write):
    with pytest.raises(UserError, match=message):
        open_table(write("a,b\n1,x\n"), Dialect(**wrong))


# Columns


def test_codes_stay_codes_whatever_one_row_does(write):
    texts = [f"{n:05d}" for n in range(300, 900)]
    table = open_table(write("zip,y\n" + "".join(f"{t},1.5\n" for t in texts)))
    assert table.column("zip").tolist() == texts
    late = ["33101"] * 500 + ["02134"]
    table = open_table(write("zip,y\n" + "".join(f"{t},1\n" for t in late)))
    assert table.column("zip").tolist() == late
    odd = ["02134", "33101", "unknown", ""]
    table = open_table(write("zip,y\n" + "".join(f"{t},1\n" for t in odd)))
    assert table.column("zip").tolist() == [*odd[:3], None]


def test_names_that_look_missing_are_names_in_texts_and_missing_in_numbers(write):
    text = "class,size\nNone,1\nMild,NA\nN/A,2\nnull,?\n,3\n"
    table = open_table(write(text))
    assert table.column("class").tolist() == ["None", "Mild", "N/A", "null", None]
    assert table.column("size").isna().tolist() == [False, True, False, True, False]
    assert "--missing_values N/A,None,null takes them as missing" in " ".join(table.notes)
    assert "size: taken as missing: '?', 'NA'" in table.notes
    table = open_table(write(text), Dialect(missing_values=["N/A", "None", "null"]))
    assert table.column("class").isna().sum() == 4
    with pytest.raises(UserError, match=r"--missing_values 'x y'"):
        open_table(write("a\n" + "1\n2\n" * 10 + "x y\n")).column("a")
    found = open_table(write("a\n" + "1\n2\n" * 10 + "x y\n"), Dialect(missing_values=["x y"]))
    assert found.column("a").isna().sum() == 1


def test_classes_that_are_numbers_and_words_are_classes(write):
    table = open_table(write("y\n" + "0\n1\nNA\n" * 5))
    assert set(table.column("y", label=True)) == {"0", "1", "NA"}
    assert table.column("y").isna().sum() == 5


def test_texts_keep_what_they_are(write):
    text = 'label;text\na;"  two  spaces "\nb;1.10\nc;NA\n'
    table = open_table(write(text))
    assert table.texts("text").tolist() == ["  two  spaces ", "1.10", "NA"]
    table = open_table(write("version,y\n1.10,1\n1.2,2\n1.0,3\n"))
    assert table.labels("version").tolist() == ["1.10", "1.2", "1"]
    assert table.column("version").tolist() == [1.1, 1.2, 1.0]


def test_another_column_proves_the_decimal_sign(write):
    table = open_table(write("a;b\n1.016;0,5\n2.345;0,25\n"))
    assert values(table) == {"a": [1016, 2345], "b": [0.5, 0.25]}
    path = write("a;b\n1.016;x\n2.345;y\n")
    with pytest.raises(UserError, match=r'--decimal "\." for 1.016, or --thousands "\." for 1016'):
        open_table(path).column("a")
    assert open_table(path, Dialect(decimal=".")).column("a").tolist() == [1.016, 2.345]
    assert open_table(path, Dialect(thousands=".")).column("a").tolist() == [1016, 2345]


def test_what_a_run_found_out_reads_the_next_file(write):
    first = open_table(write("when;x\n31.01.2024;1.016,5\n"))
    first.times("when"), first.column("x")
    second = open_table(write("when;x\n01.02.2024;1.016\n"), before=first.decided)
    assert second.times("when").values[0] == np.datetime64("2024-02-01")
    assert second.column("x").tolist() == [1016]
    unknown = write("имя;1\n".encode("cp1251") * 3)
    found = open_table(unknown, before={**first.decided, "encoding": "cp1251", "header": "none"})
    assert found.names == ["column_1", "column_2"]


# Other files


def test_excel(tmp_path):
    path = tmp_path / "t.xlsx"
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2024-01-31", "2024-02-29"]),
            "x": [1.5, None],
            "code": ["02134", "33101"],
            "y": [1, 2],
        }
    )
    with pd.ExcelWriter(path) as book:
        frame.to_excel(book, sheet_name="first", index=False)
        frame.assign(y=[3, 4]).to_excel(book, sheet_name="second", index=False, startrow=2)
    table = open_table(path)
    assert table.times("when").values.tolist() == frame["when"].to_numpy("M8[us]").tolist()
    assert (table.column("code").tolist(), table.column("y").tolist()) == (
        ["02134", "33101"],
        [1, 2],
    )
    assert np.isnan(table.column("x")[1])
    assert "2 sheets: the first is read" in " ".join(table.notes)
    assert open_table(path, Dialect(sheet="second")).column("y").tolist() == [3, 4]
    with pytest.raises(UserError, match=r"no --sheet 'third' in .*first, second"):
        open_table(path, Dialect(sheet="third"))


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], "Int64"),
            "c": pd.Categorical(["a", "b", "a"]),
            "t": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "b": [True, False, True],
            "d": pd.array([1, 2, 3], "int32"),
        },
        index=[2, 0, 1],
    )
    frame.to_parquet(path)
    table = open_table(path)
    assert table.names == ["n", "c", "t", "b", "d"]
    assert table.column("c").tolist() == ["a", "b", "a"]  # by position
    assert table.column("n").tolist()[::2] == [1, 3]
    assert table.column("d").tolist() == [1, 2, 3]
    frame.set_index("t").to_parquet(path)
    assert "t" in open_table(path).names
    frame.set_index("t").rename_axis(None).to_parquet(path)
    assert open_table(path).times("index").values[0] == np.datetime64("2024-01-01")


def test_a_list_of_json_over_many_lines(write):
    rows = [{"x": 1, "label": "a"}, {"x": 2, "label": "b"}]
    table = open_table(write(json.dumps(rows, indent=2), "t.json"))
    assert (table.numbers("x").tolist(), list(table.texts("label"))) == ([1, 2], ["a", "b"])


@pytest.mark.parametrize("orient", ["columns", "split", "index"])
def test_json_of_columns_is_named_as_such(write, orient):
    text = pd.DataFrame({"x": [1, 2], "y": [3, 4]}).to_json(orient=orient)
    with pytest.raises(UserError, match=r"a JSON object for each row .* orient='records'"):
        open_table(write(text, "t.json"))


def test_quotes_behind_a_backslash(write):
    table = open_table(write('a,b\n"x \\"y, z\\" w",1\nu,2\n'))
    assert (list(table.texts("a")), table.numbers("b").tolist()) == (['x "y, z" w', "u"], [1, 2])
    assert r"quotes inside of texts are written \"" in table.notes


def test_columns_of_equal_widths_are_named_as_such(write):
    with pytest.raises(UserError, match=r"look like columns with spaces between.*read_csv"):
        open_table(write("  id   years    ok\n   1   12-15 years   No\n   2   < 12 years   No\n"))
    with pytest.raises(UserError, match="--separator space"):
        open_table(write(" a b\n0 1 2\n1 3 4\n"))


def test_json_lines(write):
    rows = [{"x": 1, "c": "02134", "t": "2024-01-31"}, {"x": None, "c": "a"}]
    table = open_table(write("".join(json.dumps(row) + "\n" for row in rows), "t.jsonl"))
    assert table.column("c").tolist() == ["02134", "a"]
    assert table.column("x").isna().tolist() == [False, True]
    with pytest.raises(UserError, match=r"one JSON object a line in .*line 2"):
        open_table(write('{"x": 1}\n{"x": \n', "t.jsonl"))


# Round trips

CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\r\ufeff", exclude_categories=["Cs"])
)
LOCALES = {  # separator, decimal, encoding
    "en": (",", ".", "utf-8"), "de": (";", ",", "cp1252"), "fr": (";", ",", "utf-8-sig"),
    "ch": (";", ".", "utf-8"), "se": ("\t", ",", "utf-16"), "pl": (";", ",", "cp1250"),
}  # fmt: skip


@given(
    st.lists(st.integers(-(10**15), 10**15), min_size=2, max_size=8),
    st.lists(st.decimals(-10000, 10000, places=2), min_size=8, max_size=8),
    st.sampled_from(sorted(LOCALES)),
)
def test_what_pandas_writes_in_six_ways_comes_back_or_is_refused(whole, cents, locale):
    separator, decimal, encoding = LOCALES[locale]
    frame = pd.DataFrame({"whole": whole, "x": [float(c) for c in cents[: len(whole)]]})
    frame["text"] = [f"t{n}" for n in range(len(whole))]
    text = frame.to_csv(index=False, sep=separator, decimal=decimal)
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode(encoding))
        file.flush()
        try:
            table = open_table(file.name)
            found = {name: table.column(name) for name in table.names}
        except UserError:
            return
    assert found["whole"].tolist() == whole
    assert found["x"].tolist() == frame["x"].tolist()
    assert found["text"].tolist() == frame["text"].tolist()


@given(st.lists(st.tuples(CELLS, st.sampled_from(["a", "b"])), min_size=2, max_size=8))
def test_texts_that_csv_writes_come_back_or_are_refused(rows):
    text = pd.DataFrame(rows, columns=["text", "label"]).to_csv(index=False, lineterminator="\n")
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        try:
            table = open_table(file.name)
            found = table.texts("text").fillna("").tolist()
        except UserError:
            return
    assert len(table) == len(rows)
    assert found == [cell for cell, _ in rows]
