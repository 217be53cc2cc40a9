"""Every setting in words: its kind, its default, what it means, and what it is now.

All of it is read from the structs of ``model``; the printed documentation and the page of the
administration say the same. Texts are Markdown where they hold backticks.
"""

import re
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from postroom.config import toml

_USER_PASSWORD: Final = re.compile(r"(?<=://)([^/@:]*):[^/]*@")
_QUERY_PASSWORD: Final = re.compile(r"([?&]\w*(?:password|secret|token))=[^&]*", re.IGNORECASE)


class Setting(typing.NamedTuple):
    """A setting of a table; ``default`` as in TOML, "" when there is none."""

    name: str
    kind: str
    default: str
    meaning: str


class Value(typing.NamedTuple):
    """A setting as it is now: ``value`` as in TOML without passwords, "" when it is not set."""

    setting: Setting
    value: str
    is_changed: bool
    """It has a default, and is something else."""


class Table(typing.NamedTuple):
    """A table of the file with its values now."""

    title: str
    about: str
    values: Sequence[Value]


def tables(whole: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The title and type of every table of the file, in the order of the model."""
    yield "Top level", whole
    for _, title, table in _tables_within(whole):
        yield title, table


def settings(table: type[msgspec.Struct]) -> Iterator[Setting]:
    """What a table of the file may hold, less the tables in it."""
    for _, setting in _fields(table):
        yield setting


def current(config: msgspec.Struct) -> Iterator[Table]:
    """Every table with its values; one that may be repeated as often as it stands there.

    Of one that may be repeated and is not there, the settings have no value.
    """
    whole = type(config)
    yield Table("Top level", plain(whole.__doc__), _values(config))
    for name, title, table in _tables_within(whole):
        held, about = getattr(config, name), plain(table.__doc__)
        if not isinstance(held, tuple):
            yield Table(title, about, _values(held))
        elif held:
            for number, one in enumerate(held, 1):
                yield Table(f"{title} {number}", about, _values(one))
        else:
            yield Table(title, about, [Value(one, "", False) for one in settings(table)])


def search(found: Iterator[Table], words: str) -> list[Table]:
    """The tables less the values in whose name (``spam.junk_at``) and meaning a word is missing.

    A table without any is left out.
    """
    sought = words.casefold().split()
    left = []
    for table in found:
        bare = table.title.strip("[]0123456789 ")
        values = [
            one
            for one in table.values
            if all(
                word in f"{bare}.{one.setting.name} {one.setting.meaning}".casefold()
                for word in sought
            )
        ]
        if values:
            left.append(table._replace(values=values))
    return left


def plain(docstring: str | None) -> str:
    """A docstring as one line of Markdown."""
    return " ".join((docstring or "").split()).replace("``", "`")


def masked(text: str) -> str:
    """A URL without the password that stands before its host or in its query."""
    return _QUERY_PASSWORD.sub(r"\1=", _USER_PASSWORD.sub(r"\1@", text))


def without_passwords(value: Any) -> Any:
    """Settings, or one of them, with every URL ``masked``, in lists and tables as well."""
    match value:
        case str():
            return masked(value)
        case tuple():
            return tuple(map(without_passwords, value))
        case msgspec.Struct():
            names = value.__struct_fields__
            return msgspec.structs.replace(
                value, **{name: without_passwords(getattr(value, name)) for name in names}
            )
        case _:
            return value


def _tables_within(whole: type[msgspec.Struct]) -> Iterator[tuple[str, str, type[msgspec.Struct]]]:
    """The field, title and type of each."""
    hints = typing.get_type_hints(whole, include_extras=True)
    for field in msgspec.structs.fields(whole):
        if _is_table(hints[field.name]):
            bare = _bare(hints[field.name])
            parts = typing.get_args(bare)
            title = f"[[{field.encode_name}]]" if parts else f"[{field.encode_name}]"
            yield field.name, title, parts[0] if parts else bare


def _fields(table: type[msgspec.Struct]) -> Iterator[tuple[msgspec.structs.FieldInfo, Setting]]:
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        kind = hints[field.name]
        if not _is_table(kind):
            meaning = _metas(kind)[-1].description or ""
            default = "" if field.default is msgspec.NODEFAULT else _toml(field.default)
            yield field, Setting(field.encode_name, _words(kind), default, meaning)


def _values(one: msgspec.Struct) -> list[Value]:
    """What a table holds, beside one that holds what it must and defaults else."""
    fields = msgspec.structs.fields(type(one))
    usual = type(one)(**{each.name: getattr(one, each.name) for each in fields if each.required})
    return [
        Value(
            setting,
            _toml(getattr(one, field.name)),
            is_changed=getattr(one, field.name) != getattr(usual, field.name),
        )
        for field, setting in _fields(type(one))
    ]


def _metas(kind: Any) -> list[msgspec.Meta]:
    return [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]


def _bare(kind: Any) -> Any:
    """The type without its Annotated and without None."""
    if typing.get_origin(kind) is typing.Annotated:
        return _bare(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return _bare(next(part for part in typing.get_args(kind) if part is not type(None)))
    return kind


def _is_table(kind: Any) -> bool:
    bare = _bare(kind)
    parts = typing.get_args(bare) or (bare,)
    return isinstance(parts[0], type) and issubclass(parts[0], msgspec.Struct)


def _words(kind: Any) -> str:
    bare = _bare(kind)
    if typing.get_origin(bare) is typing.Literal:
        return ", ".join(f"`{word}`" for word in typing.get_args(bare))
    if typing.get_origin(bare) is tuple:
        return "list of numbers" if _bare(typing.get_args(bare)[0]) is int else "list of texts"
    if bare is int:
        least = [meta.ge for meta in _metas(kind) if meta.ge is not None]
        return f"number >= {least[0]}" if least else "number"
    return {str: "text", bool: "true, false", float: "number"}[bare]


def _toml(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return toml.string(masked(value))
        case _:
            return str(value)
