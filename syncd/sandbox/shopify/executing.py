"""GraphQL on the sandbox's own schema: parsed and validated once for each document, priced, and carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
    validate,
)
from graphql.execution.values import get_directive_values, get_variable_values

from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.compiling import Chain
from syncd.sandbox.shopify.fields import RESOLVERS, Reader, Resolver, reader
from syncd.sandbox.shopify.money import decimal_text
from syncd.sandbox.shopify.reading import ROOT_READS
from syncd.sandbox.shopify.return_fields import RETURN_FIELDS
from syncd.sandbox.shopify.selecting import Selected, Selector
from syncd.sandbox.shopify.static_errors import entry_of, invalid_variables
from syncd.sandbox.shopify.stock_fields import STOCK_FIELDS
from syncd.sandbox.shopify.times import utc_text
from syncd.sandbox.shopify.views import TYPE_NAMES
from syncd.sandbox.shopify.writing import ROOT_WRITES

_SPELLINGS: dict[str, Callable[[Any], Any]] = {"DateTime": utc_text, "Decimal": decimal_text, "UnsignedInt64": str}


@dataclass(frozen=True)
class Api:
    """The schema with everything that answers it. `resolvers` and `readers` go by field coordinate."""

    schema: GraphQLSchema
    resolvers: dict[str, Resolver]
    readers: dict[str, Reader]


@lru_cache(maxsize=1)
def api() -> Api:
    text = resources.files("syncd.sandbox.shopify").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text, assume_valid=True)
    loaded = Api(schema, {**RESOLVERS, **STOCK_FIELDS, **RETURN_FIELDS, **ROOT_READS, **ROOT_WRITES}, {})
    for name, spell in _SPELLINGS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.coerce_output_value = spell
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            _attach(loaded, type_)
    return loaded


def _attach(loaded: Api, type_: GraphQLObjectType) -> None:
    for name, definition in type_.fields.items():
        coordinate = f"{type_.name}.{name}"
        resolve = loaded.resolvers.get(coordinate)
        if resolve is None:
            is_id = getattr(get_named_type(definition.type), "name", "") == "ID"
            loaded.readers[coordinate] = reader(type_.name, name, is_id)
        definition.resolve = _for_graphql_core(coordinate, resolve, loaded.readers.get(coordinate))


def _for_graphql_core(coordinate: str, resolve: Resolver | None, read: Reader | None) -> Callable[..., Any]:
    def resolved(source: Any, info: GraphQLResolveInfo[Call], **arguments: Any) -> Any:
        call = info.context
        if coordinate in call.closed:
            raise call.denial(coordinate)
        if resolve is not None:
            return resolve(source, arguments, call)
        assert read is not None
        return read(source)

    return resolved


@dataclass(slots=True)
class Prepared:
    """One operation of one document. Without `@skip` and `@include` the selection and its chain are made only once."""

    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    depends_on_variables: bool
    selection: list[Selected] | None = None
    chain: Chain | None = None

    @property
    def is_query(self) -> bool:
        return self.operation.operation is OperationType.QUERY

    @property
    def name(self) -> str:
        return self.operation.name.value if self.operation.name else ""

    def select(self, variables: Any) -> list[Selected]:
        if self.selection is not None and not self.depends_on_variables:
            return self.selection
        schema = api().schema
        root = schema.query_type if self.is_query else schema.mutation_type
        assert root is not None
        self.selection = Selector(schema, self.fragments, variables).select(root, [self.operation.selection_set])
        self.chain = Chain(self.selection, api().readers, api().resolvers) if self._is_compilable() else None
        return self.selection

    def keys(self, variables: Any) -> dict[str, str]:
        """Mutation -> the key of its `@idempotent`."""
        directive = api().schema.get_directive("idempotent")
        assert directive is not None
        given = {one.name: get_directive_values(directive, one.nodes[0], variables) for one in self.selection or ()}
        return {name: values["key"] for name, values in given.items() if values}

    def _is_compilable(self) -> bool:
        return self.is_query and not any(entry.name.startswith("__") for entry in self.selection or ())


class Refused(Exception):
    """The document or its variables cannot be carried out; `errors` are the entries for the answer."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


@lru_cache(maxsize=512)
def prepared(text: str, operation_name: str | None) -> Prepared | tuple[dict[str, Any], ...]:
    """The operation, or the entries of `errors`."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        return (entry_of(error, "PARSE_ERROR"),)
    if problems := validate(api().schema, document):
        return tuple(entry_of(error) for error in problems)
    operations = [entry for entry in document.definitions if isinstance(entry, OperationDefinitionNode)]
    chosen = [entry for entry in operations if operation_name in (None, "", entry.name.value if entry.name else None)]
    if len(chosen) != 1:
        return ({"message": "An operation name is required", "extensions": {"code": "BAD_REQUEST"}},)
    fragments = {entry.name.value: entry for entry in document.definitions if isinstance(entry, FragmentDefinitionNode)}
    return Prepared(document, chosen[0], fragments, "@skip" in text or "@include" in text)


def open_operation(text: str, operation_name: str | None, variables: dict[str, Any]) -> tuple[Prepared, Any]:
    """The operation and its coerced variables. Raises `Refused`."""
    found = prepared(text, operation_name)
    if isinstance(found, tuple):
        raise Refused(list(found))
    coerced = get_variable_values(api().schema, found.operation.variable_definitions or (), variables)
    if isinstance(coerced, list):
        raise Refused(invalid_variables(coerced, variables, found.operation))
    return found, coerced


class Outcome(NamedTuple):
    data: dict[str, Any] | None
    errors: list[dict[str, Any]]


def carry_out(operation: Prepared, call: Call, variables: dict[str, Any]) -> Outcome:
    """`variables` are the raw ones; the coerced ones are in `call`."""
    call.keys = operation.keys(call.variables)
    if operation.chain is not None:
        try:
            return Outcome(operation.chain.run(call), [])
        except GraphQLError:
            call.warnings.clear()
    result = execute_sync(
        api().schema,
        operation.document,
        context_value=call,
        variable_values=variables,
        operation_name=operation.name or None,
        type_resolver=lambda value, info, type_: TYPE_NAMES[type(value)],
    )
    for error in result.errors or ():
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            raise error.original_error
    return Outcome(result.data, [entry_of(error) for error in result.errors or ()])
