"""Which command would tell the state of a node, and may this condition ask for it? Part of `rules.checking`.

`state(...)` and `exit_code(...)` name an action of the catalogue: what runs is what it declares to change nothing. They stand
after `verify:` and `wait until` alone: what is asked again and again of every machine that matches is a metric's job.
"""

from abc import abstractmethod

from rules import expressions as ex
from rules import syntax
from rules.actions import TELLS, Action, Invocation
from rules.expressions import Expression, Target, type_of
from rules.parameters import HOLE, Parameter, refuse
from rules.problems import did_you_mean
from rules.syntax import Tree
from rules.units import WORDING, Type
from rules.world import ClauseCheck


class CallingLooks(ClauseCheck):
    """Checks looks at nodes."""

    @abstractmethod
    def find_target(self, tree: Tree) -> Target | None:
        """The node that is meant; None after an error."""

    def look_through(self, tree: syntax.Call) -> Expression:
        """`state("restart_service", unit: "shop.service")`, `exit_code("check_shop", on: owner)`."""
        before = self.report.errors
        action = self._action(tree)
        found = self._told_by(tree, action) if action is not None else None
        if action is None or found is None:
            return ex.Broken()
        told, shows = found
        used = {name for part in told.argv for name in HOLE.findall(part)}
        parameters = tuple(one for one in action.parameters if one.name in used)
        arguments = {argument.name: argument for argument in tree.arguments[1:] if argument.name}
        target = self._on(arguments.pop("on", None), action)
        given = tuple(self._given(parameters, arguments, tree, action))
        if self.report.errors > before or target is None:
            return ex.Broken()
        self.looked_through.add(action.version)
        return ex.Glance(
            type=TELLS[shows] if shows else Type.NUMBER,
            label=self.words(tree.span),
            action=action.name,
            executor=told.executor,
            argv=told.argv,
            shows=shows,
            target=target,
            parameters=parameters,
            given=given,
            accepts=action.accepts,
            nodes=self.reach.nodes if self.reach else (),
        )

    def _action(self, tree: syntax.Call) -> Action | None:
        """The action that is named, and allowed here; None after an error."""
        first = tree.arguments[0] if tree.arguments else None
        literal = first.value if first is not None and first.name is None else None
        if not isinstance(literal, syntax.Literal) or literal.type is not Type.STRING:
            message = f"{tree.name}(...) takes an action's name in quotes, then its parameters by their names"
            self.error("E0305", tree.span, message, expected=f'{tree.name}("restart_service", unit: "shop.service")')
            return None
        if self.reach is None:
            hint = "here a metric or a query tells; after `verify:` and `wait until` this may be asked"
            self.error(
                "E0305", tree.span, f"{tree.name}(...) looks at a machine, which only verification does", hint=hint
            )
            return None
        unnamed = next((each for each in tree.arguments[1:] if each.name is None), None)
        if unnamed is not None:
            self.error("E0305", unnamed.span, "a parameter is given by its name", expected="unit: ...")
            return None
        name = str(literal.value)
        action = self.reach.actions.get(name)
        if action is None:
            if f"action {name}" not in self.world.broken:
                more = did_you_mean(name, self.reach.actions) or {"hint": "`healer actions` lists all"}
                self.error("E0203", literal.span, f"there is no action `{name}`", **more)
            return None
        if self.reach.allowed is not None and name not in self.reach.allowed:
            allowed = " or ".join(self.reach.allowed) or "no action at all"
            self.error("E0210", literal.span, f"rules of this folder may not use {name}", expected=allowed)
            return None
        return action

    def _told_by(self, tree: syntax.Call, action: Action) -> tuple[Invocation, str] | None:
        """What would be run, and the kind of state that it shows; "" for an exit code."""
        span = tree.arguments[0].span
        if tree.name == "state":
            if action.observe is not None and action.observe.argv and action.shows in TELLS:
                return action.observe, action.shows
            message = f"{action.name} has no `observe:` with a `shows:` that would tell a state"
            self.error("E0305", span, message, hint="healthy(...) tells what becomes of an object or a host")
            return None
        told = action.run if action.diagnostic else action.observe
        if told is not None and told.argv:
            return told, ""
        message = f"{action.name} has nothing to run that changes nothing"
        self.error(
            "E0305", span, message, hint="declare an action that says `changes: nothing`, or give it an `observe:`"
        )
        return None

    def _on(self, argument: syntax.Argument | None, action: Action) -> Target | None:
        if argument is None:
            return self.target
        target = self.find_target(argument.value)
        if target is not None and target.kind and action.accepts and target.kind not in action.accepts:
            message = f"{action.name} does not accept a {target.kind}"
            self.error("E0405", argument.span, message, expected=" or ".join(action.accepts))
            return None
        return target

    def _given(
        self,
        parameters: tuple[Parameter, ...],
        arguments: dict[str, syntax.Argument],
        tree: syntax.Call,
        action: Action,
    ) -> list[tuple[str, Expression]]:
        """The values of what stands in the argv; what is given beside that is checked by its name alone."""
        found: list[tuple[str, Expression]] = []
        for parameter in parameters:
            argument = arguments.pop(parameter.name, None)
            if argument is not None:
                found.append((parameter.name, self._value(parameter, argument)))
            elif parameter.default is not None:
                found.append((parameter.name, ex.Const(parameter.type, parameter.default)))
            else:
                message = f"to look, {action.name} needs `{parameter.name}`, {WORDING[parameter.type]}"
                self.error("E0402", tree.span, message, expected=f"{parameter.name}: ...")
        names = {one.name for one in parameters}
        for argument in arguments.values():
            known = did_you_mean(argument.name or "", {*names, "on"}) or {"expected": ", ".join(sorted({*names, "on"}))}
            self.error("E0401", argument.span, f"what tells of {action.name} has no `{argument.name}`", **known)
        return found

    def _value(self, parameter: Parameter, argument: syntax.Argument) -> Expression:
        value = self.expression(argument.value)
        kind = type_of(value)
        if kind is not Type.BROKEN and kind is not parameter.type:
            message = f"`{parameter.name}` is {WORDING[parameter.type]}, and this is {WORDING[kind]}"
            self.error("E0403", argument.value.span, message)
        elif isinstance(value, ex.Const) and (why := refuse(parameter, value.value)):
            self.error("E0404", argument.value.span, why)
        return value
