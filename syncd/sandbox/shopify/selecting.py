"""What a document selects, as a tree: fragments merged, directives applied, one list of fields for each possible type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_directive_values,
    get_named_type,
)
from graphql.execution.values import get_argument_values

FREE = frozenset({"MoneyBag", "MoneyV2", "LocationAddress", "Weight", "InventoryItemMeasurement", "PageInfo"})
"""Objects that cost nothing, with everything inside them."""

Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(slots=True)
class Selected:
    """One field of one type. `definition` is None for `__typename`. `children`: type name -> fields of such an object;
    `priced`: those of them that can cost something."""

    key: str
    name: str
    owner: str
    definition: GraphQLField | None
    nodes: list[FieldNode]
    children: dict[str, list[Selected]] = field(default_factory=dict)
    priced: dict[str, list[Selected]] = field(default_factory=dict)
    type_name: str = ""
    fixed_arguments: dict[str, Any] | None = None

    @property
    def coordinate(self) -> str:
        return f"{self.owner}.{self.name}"

    def arguments(self, variables: Any) -> dict[str, Any]:
        if self.fixed_arguments is not None:
            return self.fixed_arguments
        assert self.definition is not None
        return get_argument_values(self.definition, self.nodes[0], variables)


class Selector:
    """`variables` are graphql-core's coerced ones; they decide about `@skip` and `@include`."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments, variables: Any) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def select(self, type_: GraphQLObjectType, sets: Iterable[SelectionSetNode]) -> list[Selected]:
        grouped: dict[str, list[FieldNode]] = {}
        for selections in sets:
            self._collect(type_, selections, grouped)
        return [self._selected(type_, key, nodes) for key, nodes in grouped.items()]

    def _collect(
        self, type_: GraphQLObjectType, selections: SelectionSetNode, grouped: dict[str, list[FieldNode]]
    ) -> None:
        for node in selections.selections:
            if not self._is_wanted(node):
                continue
            if isinstance(node, FieldNode):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else type_.name
                self._collect_fragment(type_, condition, node.selection_set, grouped)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                self._collect_fragment(type_, fragment.type_condition.name.value, fragment.selection_set, grouped)

    def _collect_fragment(
        self,
        type_: GraphQLObjectType,
        condition: str,
        selections: SelectionSetNode,
        grouped: dict[str, list[FieldNode]],
    ) -> None:
        if condition == type_.name or any(entry.name == condition for entry in type_.interfaces):
            self._collect(type_, selections, grouped)

    def _is_wanted(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and (not include or bool(include["if"]))

    def _selected(self, owner: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Selected:
        name = nodes[0].name.value
        if name.startswith("__"):
            return Selected(key, name, owner.name, None, nodes)
        definition = owner.fields[name]
        chosen = Selected(key, name, owner.name, definition, nodes)
        if not _mentions_variables(nodes[0]):
            chosen.fixed_arguments = get_argument_values(definition, nodes[0])
        named = get_named_type(definition.type)
        sets = [node.selection_set for node in nodes if node.selection_set]
        possible: Iterable[GraphQLObjectType] = ()
        if isinstance(named, GraphQLObjectType):
            possible = (named,)
        elif isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            possible = self._schema.get_possible_types(named)
        chosen.type_name = named.name
        chosen.children = {type_.name: self.select(type_, sets) for type_ in possible}
        chosen.priced = {name: priced(fields) for name, fields in chosen.children.items()}
        return chosen


def priced(fields: list[Selected]) -> list[Selected]:
    return [entry for entry in fields if entry.children and entry.name != "userErrors" and entry.type_name not in FREE]


def _mentions_variables(node: FieldNode) -> bool:
    """Only plain variables and objects with variables in them occur; a list or an object is taken as if it had some."""
    return any(argument.value.kind in ("variable", "object_value", "list_value") for argument in node.arguments or ())
