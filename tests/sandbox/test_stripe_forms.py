from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from dunwell.sandbox.stripe import forms
from dunwell.sandbox.stripe.errors import RefusedError


def test_nested_names_become_nested_values() -> None:
    encoded = "a=1&b[c]=2&b[d][e]=3&f[0]=x&f[1]=y&g[0][h]=4&g[1][h]=5"
    assert forms.decode(encoded) == {
        "a": "1",
        "b": {"c": "2", "d": {"e": "3"}},
        "f": ["x", "y"],
        "g": [{"h": "4"}, {"h": "5"}],
    }


def test_empty_brackets_take_the_next_place() -> None:
    assert forms.decode("types[]=b&types[]=a&i[][p]=1&i[][p]=2") == {
        "types": ["b", "a"],
        "i": [{"p": "1"}, {"p": "2"}],
    }


@pytest.mark.parametrize("encoded", ["[a]=1", "a[b=1", "a=1&a[b]=2", "a[b]=1&a=2", "a" + "[b]" * 9 + "=1"])
def test_names_that_make_no_sense_are_refused(encoded: str) -> None:
    with pytest.raises(RefusedError) as refused:
        forms.decode(encoded)
    assert refused.value.status == 400
    assert refused.value.error["type"] == "invalid_request_error"


_NAMES = st.text(alphabet="_abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
_TREES = st.dictionaries(
    _NAMES,
    st.recursive(
        st.text(alphabet="ab &=[]%+é0", max_size=6),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_NAMES, inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)


@given(_TREES)
def test_what_the_sdk_encodes_is_read_back_unchanged(tree: dict[str, object]) -> None:
    assert forms.decode(urlencode(list(_api_encode(tree)))) == tree


def test_unknown_parameters_are_named() -> None:
    with pytest.raises(RefusedError) as refused:
        forms.read({"limit": "1", "x": "1", "y": "2"}, forms.PAGING)
    assert refused.value.error["code"] == "parameter_unknown"
    assert refused.value.error["param"] == "x"
    assert "x, y" in refused.value.error["message"]


def test_unknown_nested_parameters_are_named_in_full() -> None:
    known = {"flow_data": forms.group({"type": forms.text})}
    with pytest.raises(RefusedError) as refused:
        forms.read({"flow_data": {"typ": "x"}}, known)
    assert refused.value.error["param"] == "flow_data[typ]"


def test_missing_parameters_are_named() -> None:
    with pytest.raises(RefusedError) as refused:
        forms.read({}, {"customer": forms.text}, ("customer",))
    assert (refused.value.error["code"], refused.value.error["param"]) == ("parameter_missing", "customer")


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (forms.text, ""),
        (forms.text, {"a": "b"}),
        (forms.integer, "1.0"),
        (forms.integer, ""),
        (forms.boolean, "True"),
        (forms.one_of("a", "b"), "c"),
        (forms.many(forms.text), "a"),
        (forms.many(forms.text, at_most=1), ["a", "b"]),
        (forms.group({}), "a"),
        (forms.metadata, {"k": {"n": "v"}}),
        (forms.metadata, {"k" * 41: "v"}),
        (forms.metadata, {"k": "v" * 501}),
        (forms.moment_range, {"since": "1"}),
        (forms.moment_range, "yesterday"),
    ],
)
def test_wrong_values_are_refused_with_their_name(reader: forms.Reader, value: object) -> None:
    with pytest.raises(RefusedError) as refused:
        reader(value, "thing")
    assert refused.value.error["param"].startswith("thing")


def test_metadata_merges_and_empty_values_delete() -> None:
    old = {"a": "1", "b": "2"}
    assert forms.merged_metadata(old, {"b": "", "c": "3"}) == {"a": "1", "c": "3"}
    assert forms.merged_metadata(old, forms.metadata("", "metadata")) == {}
