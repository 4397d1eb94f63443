"""Function calls compared with those that are accepted; nothing is run.

As in the single-turn categories of BFCL (Berkeley Function-Calling Leaderboard, Patil et al., ICML 2025), whose rules
were read in ast_checker.py of ShishirPatil/gorilla. A task's metadata holds
- `functions`: the schemas on offer, `{"name", "parameters": {"properties": {argument: schema}, "required": [...]}}`;
- `accepted`: the calls that are right, `[{"name", "arguments": {argument: [accepted value, ...]}}]`, with "" among the
  values where the argument may be left out; [] where right is to call nothing, "any" where it is to call something;
- `language`: "java" or "javascript" where every argument is a text with a literal (`training.domains.literals`).

    accepted = Accepted(task.metadata)
    accepted.why_not([{"name": "area", "arguments": {"base": 3}}])      # "it gives area base=3 where 10 is right"

Right are as many calls as there are accepted ones, each fitting another of these, in any order. A call fits when it has
the name, all arguments that the schema requires, none that the schema does not have, and of each argument an accepted
value (`training.domains.accepted_values`). What is no `<tool_call>` is no call, whatever it looks like.

Departures from BFCL:
1. All calls are assigned to accepted ones at once; BFCL gives each accepted call the first that fits it.
2. Types are checked at every depth. In an object BFCL takes true for 1, and 1.0 where an integer is asked for; in a
   list it takes an integer for a float only where the first accepted item is one.
3. What stands in objects in objects, and in lists in lists and objects, is compared like all else; BFCL asks for it to
   the letter. A key's only accepted value need not stand in a list; BFCL takes each letter of such a text.
4. null is accepted wherever it stands among the accepted values; by BFCL only where it is the first of them.
5. A text that stands for another type, as a variable does, is compared like any other; by BFCL exactly. "" may be given
   for what may be left out only where the schema asks for a text; by BFCL also where all accepted values are texts.
6. Where right is to call nothing, a call that cannot be read is a call; for BFCL it is none. Where right is to call
   something, each call is of a function on offer with the arguments that its schema requires and no others, and none is
   made twice; BFCL takes whatever can be read. Neither judges the values.
7. Where right is to call something and three functions or more are on offer, to call every one of them is wrong.
8. A name is right as the schema has it; BFCL has dots as underscores for models whose interface knows no dots.
"""

from __future__ import annotations

from training.domains import literals
from training.domains.accepted_values import accepts, first, given
from training.domains.workplace import short

ANY = "any"
"""What `accepted` is where right is to call something, whatever it is."""


class Accepted:
    """What a task accepts. Raises ValueError, in one sentence, for ill-formed metadata and where no call is right."""

    def __init__(self, metadata: dict):
        self.language, self.calls = metadata.get("language"), metadata["accepted"]
        self.functions = _functions(metadata.get("functions"))
        if self.language not in (None, *literals.LANGUAGES):
            raise ValueError(f"metadata['language'] is one of {', '.join(literals.LANGUAGES)}, or left out, got "
                             f"{short(self.language)}")
        if self.calls == ANY and self.functions:
            return
        if not isinstance(self.calls, list):
            raise ValueError(f"metadata['accepted'] is a list of calls, or {ANY!r} of at least one function, got "
                             f"{short(self.calls)}")
        for call in self.calls:
            _check(call, self.functions)

    def why_not(self, calls: list[dict]) -> str:
        """Why calls, `{"name", "arguments"}` with whatever in them, are wrong; empty when they are right."""
        if self.calls == ANY:
            return self._why_none_of(calls)
        if len(calls) != len(self.calls) or not calls:
            return _miscounted(calls, self.calls)
        misfits = [[self._misfit(call, wanted) for wanted in self.calls] for call in calls]
        others = [[call["name"] != wanted["name"] for wanted in self.calls] for call in calls]
        return next(filter(None, _assigned(misfits, others)), "")

    def reference(self) -> list[dict]:
        """Calls that are right: each argument has the first value that is accepted of it, if there is one."""
        if self.calls == ANY:
            name, function = next(iter(self.functions.items()))
            return [{"name": name, "arguments": dict.fromkeys(function["required"], "")}]
        return [{"name": call["name"], "arguments": self._chosen(call)} for call in self.calls]

    def _why_none_of(self, calls: list[dict]) -> str:
        """Why calls are not all of functions on offer, or not all different."""
        if not calls:
            return f"it calls nothing where a call of {' or '.join(self.functions)} is right"
        if len(self.functions) >= 3 and self.functions.keys() <= {str(call["name"]) for call in calls}:
            return "it calls every function on offer"
        if twice := [call for k, call in enumerate(calls) if call in calls[:k]]:
            return f"it makes the call {short(twice[0])} twice"
        return next(filter(None, map(self._outside, calls)), "")

    def _outside(self, call: dict) -> str:
        """How a call departs from the schemas, its values left aside."""
        name, arguments = call["name"], call["arguments"]
        if not isinstance(name, str) or name not in self.functions:
            return f"it calls {short(name)}, which is none of {', '.join(self.functions)}"
        if not isinstance(arguments, dict):
            return f"it gives {name} {short(arguments)} and not an object of arguments"
        properties, required = self.functions[name]["properties"], self.functions[name]["required"]
        lacking = [argument for argument in required if argument not in arguments]
        unknown = [argument for argument in arguments if argument not in properties]
        return (f"it calls {name} without {lacking[0]}, which is required" if lacking else
                f"it gives {name} {short(unknown[0])}, which is none of its arguments" if unknown else "")

    def _misfit(self, call: dict, wanted: dict) -> str:
        """Why a call is not one of those that are wanted."""
        name, options = wanted["name"], wanted["arguments"]
        if call["name"] != name:
            return f"it calls {short(call['name'])} where {name} is right"
        if outside := self._outside(call):
            return outside
        for argument, value in call["arguments"].items():
            if not self._accepts(value, options.get(argument, []), self.functions[name]["properties"][argument]):
                right = " or ".join(short(option) for option in options.get(argument, []) if option != "")
                return f"it gives {name} {argument}={short(value)} where {right or 'no such argument'} is right"
        missing = [argument for argument in options
                   if argument not in call["arguments"] and "" not in options[argument]]
        return f"it calls {name} without {missing[0]}, which is asked for" if missing else ""

    def _accepts(self, value, options: list, schema: dict) -> bool:
        if self.language:
            return isinstance(value, str) and accepts(literals.read(value, schema, self.language), options, schema)
        return accepts(value, options, schema)

    def _chosen(self, call: dict) -> dict:
        """The arguments of an accepted call, as they are written."""
        function, arguments = self.functions[call["name"]], {}
        for argument, options in call["arguments"].items():
            value, schema = first(options), function["properties"].get(argument, {})
            if argument in function["required"] and value == "":
                value = given(options, schema)[0]
            elif value == "" and "" in options or argument not in function["properties"]:
                continue
            arguments[argument] = literals.write(value, schema, self.language) if self.language else value
        return arguments


def _assigned(misfits: list[list[str]], others: list[list[bool]]) -> list[str]:
    """The misfits of an assignment of calls (rows) to accepted ones (columns): fewest, then fewest of two names."""
    from scipy.optimize import linear_sum_assignment

    costs = [[bool(misfit) + other for misfit, other in zip(*rows, strict=True)]
             for rows in zip(misfits, others, strict=True)]
    return [misfits[row][column] for row, column in zip(*linear_sum_assignment(costs), strict=True)]


def _miscounted(calls: list[dict], wanted: list[dict]) -> str:
    """Why so many calls are wrong; empty where none is made and none wanted."""
    if not wanted:
        return f"it calls {short(calls[0]['name'])} where right is to call nothing" if calls else ""
    if not calls:
        return f"it calls nothing where {' and '.join(call['name'] for call in wanted)} is right"
    made = "1 call" if len(calls) == 1 else f"{len(calls)} calls"
    return f"it makes {made} where {len(wanted)} {'is' if len(wanted) == 1 else 'are'} right"


def _functions(schemas) -> dict[str, dict]:
    """Name -> `{"properties", "required"}` of the functions on offer. Raises ValueError."""
    if not isinstance(schemas, list) or not all(isinstance(one, dict) and isinstance(one.get("name"), str)
                                                for one in schemas):
        raise ValueError(f"metadata['functions'] is a list of schemas with a name, got {short(schemas)}")
    functions = {}
    for one in schemas:
        parameters = one.get("parameters", {})
        _check_schema(parameters, one["name"])
        required = parameters.get("required", [])
        if not isinstance(required, list) or not all(isinstance(argument, str) for argument in required):
            raise ValueError(f"what {one['name']} requires is a list of arguments, got {short(required)}")
        functions[one["name"]] = {"properties": parameters.get("properties", {}), "required": required}
    return functions


def _check_schema(schema, name: str) -> None:
    """Raise ValueError unless a schema is one, down to its last item."""
    if not isinstance(schema, dict) or not isinstance(schema.get("properties", {}), dict):
        raise ValueError(f"a schema of {name} is no object with a type: {short(schema)}")
    if not isinstance(schema.get("type", ""), str):
        raise ValueError(f"the type of a schema of {name} is a name, got {short(schema['type'])}")
    for part in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        _check_schema(part, name)


def _check(call, functions: dict[str, dict]) -> None:
    """Raise ValueError unless an accepted call is well formed, and can be made."""
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        raise ValueError(f"an accepted call has the keys 'name' and 'arguments', got {short(call)}")
    name, accepted = call["name"], call["arguments"]
    if not isinstance(name, str) or name not in functions:
        raise ValueError(f"{short(name)} is accepted, and is none of {', '.join(functions) or 'no functions'}")
    if not isinstance(accepted, dict) or not all(isinstance(options, list) for options in accepted.values()):
        raise ValueError(f"the accepted arguments of {name} are {{argument: [value, ...]}}, got {short(accepted)}")
    properties, required = functions[name]["properties"], functions[name]["required"]
    for argument in dict.fromkeys([*accepted, *required]):
        options = accepted.get(argument, [])
        can_be_given = argument in properties and given(options, properties[argument])
        if not can_be_given and (argument in required or "" not in options):
            raise ValueError(f"no call can be right: {name} takes no accepted value of {argument!r}, which may not be "
                             "left out")
