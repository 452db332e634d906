"""A search's space as it is written: read whole, or refused by one sentence for each thing that is wrong."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from dbexp.config import SearchConfig
from dbexp.errors import UserError
from dbexp.sweep.space import Choices, Search, Span, read_search


def read(*words: str, **keys: Any) -> Search:
    node = OmegaConf.merge(OmegaConf.structured(SearchConfig), {"maximize": ["dino", "clip_t"], **keys})
    assert OmegaConf.is_dict(node)
    return read_search(node, OverridesParser.create().parse_overrides(list(words)))


@pytest.mark.parametrize(
    ("word", "axis"),
    [
        ("a=interval(0,3)", Span(0.0, 3.0)),
        ("a=tag(log, interval(1e-6, 1e-4))", Span(1e-6, 1e-4, is_log=True)),
        ("a=int(interval(1,5))", Span(1, 5)),
        ("a=tag(log,int(interval(1,100)))", Span(1, 100, is_log=True)),
        ("a=range(200,1201,200)", Span(200, 1200, 200)),
        ("a=range(10,0,-5)", Span(5, 10, 5)),
        ("a=range(0,1,0.25)", Span(0.0, 0.75, 0.25)),
        ("a=false,true", Choices(("False", "True"))),
        ("a=null,'b c',1", Choices(("null", "'b c'", "1"))),
    ],
)
def test_an_axis_is_what_hydras_grammar_says(word: str, axis: Span | Choices) -> None:
    assert read(word).space == {"a": axis}


def test_the_last_word_about_a_key_holds_and_one_value_is_no_axis() -> None:
    search = read("a=interval(0,1)", "b=1,2", "c=3", "a=interval(0,2)", "b=2")
    assert search.space == {"a": Span(0.0, 2.0)} and search.fixed == ("b=2", "c=3")
    assert search.line({"a": "1.5"}) == ("b=2", "c=3", "a=1.5")


def test_the_ends_of_a_space_have_every_end_and_every_choice() -> None:
    ends = read("a=int(interval(1,5))", "b=x,y,z").ends()
    assert ends == [{"a": "1", "b": "x"}, {"a": "5", "b": "y"}, {"a": "5", "b": "z"}]


@pytest.mark.parametrize(
    "interval", ["interval(1,5)", "interval(1,2)", "interval(0.5,1.5)", "tag(log,interval(1,100))"]
)
def test_an_interval_of_real_numbers_is_tried_at_its_ends_and_at_one_that_is_not_whole(interval: str) -> None:
    low, between, high = (float(each["a"]) for each in read(f"a={interval}").ends())
    assert low < between < high and not (low.is_integer() and between.is_integer())


@pytest.mark.parametrize(
    ("words", "keys", "sentence"),
    [
        (["a=interval(3,1)"], {}, "a=interval(3,1) holds no number"),
        (["a=interval(1,1)"], {}, "its first end must be below its second"),
        (["a=tag(log,interval(0,1))"], {}, "a logarithmic scale begins above 0"),
        (["a=tag(lgo,interval(1,2))"], {}, "tag lgo is not known"),
        (["a=tag(log,range(1,9))"], {}, "log goes with an interval"),
        (["a=glob(*)"], {}, "a=glob(*) is no range of numbers and no list of choices"),
        (["a=range(5,5)"], {}, "holds fewer than two numbers"),
        (["a=range(1,5,0)"], {}, "its step must not be 0"),
        (["seed=0,1"], {}, "seed is nothing to search over"),
        (["run_dir=a,b"], {}, "run_dir is nothing to search over"),
        (["a=1"], {}, "there is nothing to search over"),
        (["a=1,2"], {"maximize": ["dinno"]}, "dinno is not a score; did you mean dino?"),
        (["a=1,2"], {"minimize": ["dino"]}, "name dino more than once"),
        (["a=1,2"], {"maximize": []}, "needs a score to go by"),
        (["a=1,2"], {"num_trials": 0}, "hydra.sweeper.num_trials=0 must be at least 1"),
        (["a=1,2"], {"seed": -1}, "hydra.sweeper.seed=-1 must be at least 0"),
        (["a=1,2"], {"num_at_once": 0}, "hydra.sweeper.num_at_once=0 must be at least 1"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(words: list[str], keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        read(*words, **keys)
    assert sentence in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_all_that_is_wrong_is_told_together() -> None:
    with pytest.raises(UserError) as refused:
        read("a=interval(2,1)", "b=range(1,1)", num_trials=0)
    assert len(str(refused.value).splitlines()) == 3
