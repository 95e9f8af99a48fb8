"""What `find_references` finds, leaves open and refuses."""

import pytest

from semantic_layer import SqlError, find_references


@pytest.mark.parametrize(
    ("sql", "tables", "columns"),
    [
        pytest.param("select 1", [], [], id="nothing"),
        pytest.param(
            "select a, t.b from t where c > 1 order by d", ["t"], ["t.a", "t.b", "t.c", "t.d"], id="one table"
        ),
        pytest.param("select n.x from c.d.n", ["c.d.n"], ["c.d.n.x"], id="qualified table"),
        pytest.param("select u.x from s.people as u", ["s.people"], ["s.people.x"], id="alias"),
        pytest.param("select U.X from People u", ["people"], ["people.x"], id="unquoted names fold"),
        pytest.param('select "U"."X" from People "U"', ["people"], ["people.X"], id="quoted names stay"),
        pytest.param(
            "select a.x, y from a join b on a.id = b.id",
            ["a", "b"],
            ["?.y", "a.id", "a.x", "b.id"],
            id="ambiguous is left open",
        ),
        pytest.param("with c as (select x from t) select c.x, y from c", ["t"], ["t.x"], id="common table expression"),
        pytest.param(
            "with t as (select x from t) select x from t", ["t"], ["t.x"], id="expression named like its table"
        ),
        pytest.param(
            "with recursive r as (select id from n union select n.id from n join r on n.up = r.id) select id from r",
            ["n"],
            ["n.id", "n.up"],
            id="recursive",
        ),
        pytest.param("select q.y from (select x as y from t) q", ["t"], ["t.x"], id="derived table"),
        pytest.param("select x as y from t order by y", ["t"], ["t.x"], id="alias of an output column"),
        pytest.param("select x from a union select y from b order by x", ["a", "b"], ["a.x", "b.y"], id="union"),
        pytest.param(
            "select a.x from a where exists (select 1 from b where b.k = a.k and z = 1)",
            ["a", "b"],
            ["?.z", "a.k", "a.x", "b.k"],
            id="correlated subquery",
        ),
        pytest.param(
            "select (select max(q) from u) from t", ["t", "u"], ["?.q"], id="scalar subquery could see outside"
        ),
        pytest.param("select t.x from t where missing.y = 1", ["t"], ["?.y", "t.x"], id="unknown qualifier"),
        pytest.param("select * from a, b", ["a", "b"], ["a.*", "b.*"], id="star"),
        pytest.param("select a.* from a, b", ["a", "b"], ["a.*"], id="star of one table"),
        pytest.param("select count(*) from t", ["t"], [], id="count star is no column"),
        pytest.param("select x from read_csv('f')", [], [], id="table function"),
    ],
)
def test_finds_references(sql: str, tables: list[str], columns: list[str]) -> None:
    references = find_references(sql)
    assert [str(table) for table in references.tables] == tables
    assert [str(column) for column in references.columns] == columns


def test_folds_names_as_the_dialect_does() -> None:
    assert [str(table) for table in find_references("select 1 from Orders", dialect="snowflake").tables] == ["ORDERS"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec x fro t", "line 1"),
        ("select 1; drop table t", "expected one statement, found 2"),
        ("", "expected one statement, found 0"),
        ("drop table t", "only queries are analysed, this is DROP"),
        ("insert into t select x from u", "only queries are analysed, this is INSERT"),
    ],
)
def test_refuses_what_it_cannot_analyse(sql: str, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        find_references(sql)
    assert "\x1b" not in str(caught.value)


def test_refuses_an_unknown_dialect() -> None:
    with pytest.raises(SqlError, match="nosuch"):
        find_references("select 1", dialect="nosuch")
