"""What verbs print: tables whose names are told as they are."""

from limbeck.cli.output import print_table


def test_names_in_a_table_are_told_as_they_are(capsys):
    print_table([{"run: setting": "speech[fp16]: student", "NLL": "1"}, {"run: setting": "a[/b]:smile:", "NLL": "2"}])
    assert capsys.readouterr().out.splitlines() == [
        "run: setting           NLL",
        "speech[fp16]: student    1",
        "a[/b]:smile:             2",
    ]
