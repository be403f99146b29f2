"""What the README says of other servers, and the Dockerfile, are well formed; none is run."""

import json
import re
import shlex
from pathlib import Path

import pytest
from google.protobuf import empty_pb2, text_format

from recipes.cli import main

TOP = Path(__file__).parents[3]
README = (TOP / "recipes/README.md").read_text()
SECTION = README.partition("### The exports on other servers\n")[2].partition("\n## ")[0]
CONFIGS = re.findall("^```text\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
INSTRUCTIONS = {
    *("FROM", "COPY", "RUN", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL"),
    "ENTRYPOINT",
}


def test_there_are_three_configurations():
    assert len(CONFIGS) == 3


@pytest.mark.parametrize("text", CONFIGS, ids=["models", "batching", "triton"])
def test_configurations_are_text_of_protobuf(text):
    parse = lambda text: text_format.Parse(text, empty_pb2.Empty(), allow_unknown_field=True)  # noqa: E731
    parse(text)
    with pytest.raises(text_format.ParseError):
        parse(text.replace("}", "", 1) if "model_config_list" in text else text + "}")


def test_the_dockerfile_has_instructions_and_flags_that_exist(capsys):
    text = (TOP / "scripts/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if not line.startswith("#")]
    assert {instruction for instruction, _ in lines} == INSTRUCTIONS
    assert lines[0][0] == "FROM"
    for instruction, rest in lines:
        if instruction == "RUN":
            assert shlex.split(rest)
        if instruction in ("ENTRYPOINT", "HEALTHCHECK"):
            words = json.loads("[" + rest.partition("[")[2])
            assert all(isinstance(word, str) for word in words)
    entry = dict(lines)["ENTRYPOINT"]
    assert main([*json.loads(entry)[1:], str(TOP / "nothing")]) == 2
    assert "There is no run" in capsys.readouterr().err  # the flags were understood
    (sources,) = (rest.split()[:-1] for instruction, rest in lines if instruction == "COPY")
    assert (TOP / sources[0]).is_file()
    assert "dist/*.whl" in sources
