import json

from kerasseg import zoo


def test_the_table_has_a_line_for_each_entry(run):
    result = run("list")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == zoo.names()
    assert lines[0].startswith("entry")


def test_json(run):
    records = json.loads(run("list", "--json").out)
    assert [record["name"] for record in records] == zoo.names()
    assert records[0]["num_classes"] == 11
