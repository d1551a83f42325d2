import base64
import gzip

from plotly.offline import get_plotlyjs

from limbeck.report.scripts import HERE, OURS, hash_of, our_script, plotly_packed


def test_plotly_is_unpacked_as_it_was_and_known_by_its_hash():
    packed, name = plotly_packed()
    code = gzip.decompress(base64.b64decode(packed)).decode()
    assert code == get_plotlyjs()
    assert name == hash_of(code)
    assert len(packed) < 0.45 * len(code)


def test_plotly_is_packed_to_the_same_bytes():
    plotly_packed.cache_clear()
    first = plotly_packed()
    plotly_packed.cache_clear()
    assert plotly_packed() == first


def test_the_hash_is_that_of_the_policys_own_example():
    assert hash_of("alert('Hello, world.');") == "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="


def test_our_files_are_one_strict_script_that_no_parser_ends():
    code = our_script()
    assert code.startswith('"use strict";\n{\n')
    assert all((HERE / name).read_text(encoding="utf-8").splitlines()[0] in code for name in OURS)
    assert "</script" not in code.lower()
